import { Fields } from "./fields.ts";

const perSecond = 1000;
/** `kind` of EVENT: a line of the agent's log. */
const logLine = 1;

/** Takes the agent's log lines; more than 1000 events in a second are dropped. */
export class EventLog {
  readonly #onLine: (line: string) => void;
  readonly #now: () => number;
  #second = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** `now` gives milliseconds. */
  constructor(onLine: (line: string) => void, now: () => number = () => performance.now()) {
    this.#onLine = onLine;
    this.#now = now;
  }

  /** @throws guest_protocol */
  receive(payload: Buffer): void {
    const now = this.#now();
    if (now - this.#second >= 1000) {
      this.#second = now;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count > perSecond) return;
    const fields = new Fields(payload, "EVENT");
    const text = fields.text(2);
    if (fields.requireU32(1) === logLine && text !== undefined) this.#onLine(text);
  }
}
