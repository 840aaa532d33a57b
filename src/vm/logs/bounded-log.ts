import { appendFile } from "node:fs/promises";
import { messageOf } from "../../lib/errors/error.ts";
import { trimLog } from "../../vmm/logs.ts";
import type { VmParts } from "../parts.ts";

/** Bytes of a log, and what is kept of one that has grown over it. */
const limit = 1024 * 1024;
const kept = limit / 2;
/** Lines that wait for the disk. A guest can say more than a disk can take. */
const mostWaiting = 2000;

/** A file of lines with their times, written in the background, that never grows without bound. */
export class BoundedLog {
  readonly #path: string;
  readonly #log: VmParts["log"];
  readonly #now: () => Date;
  #waiting: string[] = [];
  #dropped = 0;
  #size = 0;
  #writing: Promise<void> | undefined;

  constructor(path: string, log: VmParts["log"], now: () => Date = () => new Date()) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
  }

  /** Returns at once. The line has no line end. */
  add(line: string): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(`${this.#now().toISOString()} ${line}\n`);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when everything that was added is written, or could not be. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    // What comes in the same moment goes out in one piece.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const text = this.#take();
      try {
        await appendFile(this.#path, text, { mode: 0o600 });
        this.#size += text.length;
        if (this.#size < kept) continue;
        this.#size = 0;
        await trimLog(this.#path, limit, kept);
      } catch (error) {
        this.#log("writing a machine's log failed", { path: this.#path, error: messageOf(error) });
      }
    }
  }

  #take(): string {
    const lines = this.#waiting;
    this.#waiting = [];
    if (this.#dropped > 0) lines.push(`${this.#now().toISOString()} (${this.#dropped} lines were dropped)\n`);
    this.#dropped = 0;
    return lines.join("");
  }
}
