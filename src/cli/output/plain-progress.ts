import type { Progress } from "../../lib/context.ts";
import type { OutputStream } from "../world.ts";
import type { ProgressView } from "./progress.ts";
import { duration } from "./time.ts";
import { printable } from "./width.ts";

/** One line when a stage starts and one when it ends, for logs and pipes. */
export class PlainProgress implements ProgressView {
  readonly #stream: OutputStream;
  /** What was said when a stage started. */
  readonly #started = new Map<string, string>();

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  report({ stage, state, message, elapsed }: Progress, target?: string): void {
    if (state === "progress") return;
    const key = `${target ?? ""}\0${stage}`;
    const text = target === undefined ? message : `${target}: ${message}`;
    if (state === "started") this.#started.set(key, text);
    // An end that says the same as the start must differ from it.
    const verdict = state === "done" && this.#started.get(key) === text ? ": done" : "";
    const time = elapsed === undefined ? "" : ` (${duration(elapsed)})`;
    this.note(`${text}${verdict}${time}`);
  }

  note(text: string): void {
    this.#stream.write(`${printable(text)}\n`);
  }

  end(): void {
    this.#started.clear();
  }
}
