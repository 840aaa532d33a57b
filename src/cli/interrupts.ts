import { constants } from "node:os";

export const interruptSignals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
export type InterruptSignal = (typeof interruptSignals)[number];

/** The part of `process` that brings signals. */
export interface SignalSource {
  on(name: InterruptSignal, listener: () => void): unknown;
  off(name: InterruptSignal, listener: () => void): unknown;
  exit(status: number): unknown;
}

/**
 * Signals to this program. The first one asks the running work to stop and undo itself; a second one leaves at once. While
 * somebody has taken them over, they go there instead.
 */
export class Interrupts {
  readonly #source: SignalSource;
  readonly #controller = new AbortController();
  #taker: ((name: InterruptSignal) => void) | undefined;
  #received: InterruptSignal | undefined;
  #announce: (name: InterruptSignal) => void = () => undefined;
  #listening = false;

  constructor(source: SignalSource) {
    this.#source = source;
  }

  /** Aborts at the first signal. From here on signals no longer end the program by themselves. */
  get signal(): AbortSignal {
    this.#listen();
    return this.#controller.signal;
  }

  /** The exit status that says which signal it was: 128 + its number. */
  get status(): number | undefined {
    return this.#received === undefined ? undefined : statusOf(this.#received);
  }

  /** Called at the first signal, to tell the user that something happens. */
  onFirst(announce: (name: InterruptSignal) => void): void {
    this.#announce = announce;
  }

  /** Sends all signals to `taker` until the work ends. */
  async during<T>(taker: (name: InterruptSignal) => void, work: () => Promise<T>): Promise<T> {
    this.#listen();
    const before = this.#taker;
    this.#taker = taker;
    try {
      return await work();
    } finally {
      this.#taker = before;
    }
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    for (const name of interruptSignals) this.#source.on(name, () => this.#receive(name));
  }

  #receive(name: InterruptSignal): void {
    if (this.#taker) {
      this.#taker(name);
    } else if (this.#received) {
      this.#source.exit(statusOf(name));
    } else {
      this.#received = name;
      this.#announce(name);
      this.#controller.abort();
    }
  }
}

export function statusOf(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}
