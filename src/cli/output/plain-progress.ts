import type { Progress } from "../../lib/context.ts";
import type { OutputStream } from "../world.ts";
import type { ProgressView } from "./progress.ts";
import { duration } from "./time.ts";
import { printable } from "./width.ts";

/** One line when a stage starts and one when it ends, for logs and pipes. */
export class PlainProgress implements ProgressView {
  readonly #stream: OutputStream;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  report(progress: Progress, target?: string): void {
    const { state, elapsed } = progress;
    if (state === "progress") return;
    const message = target === undefined ? progress.message : `${target}: ${progress.message}`;
    if (state === "done")
      this.note(`${message}: done${elapsed === undefined ? "" : ` in ${duration(elapsed)}`}`);
    else this.note(message);
  }

  note(text: string): void {
    this.#stream.write(`${printable(text)}\n`);
  }

  end(): void {
    // Every line is there to stay.
  }
}
