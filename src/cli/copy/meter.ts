import type { Progress } from "../../lib/context.ts";
import { formatSize } from "../../lib/size.ts";

/** Milliseconds between two reports. */
const interval = 100;

/** Tells of bytes that pass, and how many a second. */
export class Meter {
  readonly #report: (progress: Progress) => void;
  readonly #message: string;
  readonly #now: () => number;
  readonly #began: number;
  #reported: number;
  /** Bytes of the parts that are over. */
  #before = 0;
  #present = 0;

  constructor(report: (progress: Progress) => void, message: string, now: () => number) {
    this.#report = report;
    this.#message = message;
    this.#now = now;
    this.#began = now();
    this.#reported = this.#began;
    report({ stage: "copy", state: "started", message });
  }

  readonly onBytes = (total: number): void => {
    this.#present = total;
    const now = this.#now();
    if (now - this.#reported < interval) return;
    this.#reported = now;
    const current = this.#before + total;
    const message = `${this.#message} (${this.#rate(current)})`;
    this.#report({ stage: "copy", state: "progress", message, current, unit: "bytes" });
  };

  /** The next source begins to count anew. */
  nextPart(): void {
    this.#before += this.#present;
    this.#present = 0;
  }

  done(message: string): void {
    const elapsed = this.#now() - this.#began;
    this.#report({ stage: "copy", state: "done", message, elapsed });
  }

  #rate(bytes: number): string {
    const seconds = (this.#now() - this.#began) / 1000;
    return `${formatSize(Math.round(bytes / Math.max(seconds, 0.001)))}/s`;
  }
}
