import { appendFile, readFile, stat } from "node:fs/promises";
import { writeFileAtomic } from "../../lib/atomic.ts";
import { errnoOf } from "../../lib/errors/error.ts";

/** Milliseconds between two looks. */
const interval = 1000;
/** Marks of a busy console: a day's worth of seconds. Of more than that the older half goes. */
const mostMarks = 86_400;

/** At `time` (milliseconds since 1970) the console's log had `size` bytes. */
export interface Mark {
  readonly time: number;
  readonly size: number;
}

/**
 * Notes how a console's log grows: the monitor writes it, without times. Each second in which it grew is a line `time size` in a file
 * beside it.
 */
export class ConsoleTimes {
  readonly #console: string;
  readonly #marks: string;
  readonly #timer: NodeJS.Timeout;
  #last: Mark | undefined;
  #count = 0;
  #looking: Promise<void> | undefined;

  constructor(console: string, marks: string) {
    this.#console = console;
    this.#marks = marks;
    this.#timer = setInterval(() => this.#look(), interval).unref();
    this.#look();
  }

  /** Looks a last time and lets go. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.note();
  }

  /** Notes the size if it has changed. A log that cannot be looked at now is looked at again later. */
  async note(now: number = Date.now()): Promise<void> {
    try {
      const { size } = await stat(this.#console);
      if (this.#last === undefined) await this.#begin();
      const { size: before } = this.#last ?? { size: 0 };
      if (size === before) return;
      this.#last = { time: now, size };
      this.#count += 1;
      // One that was cut begins anew: what is left of it is as old as can be told, which is not at all.
      if (size < before) await writeFileAtomic(this.#marks, lineOf(this.#last));
      else await appendFile(this.#marks, lineOf(this.#last), { mode: 0o600 });
      if (this.#count > mostMarks) await this.#halve();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  #look(): void {
    this.#looking ??= this.note().finally(() => {
      this.#looking = undefined;
    });
  }

  async #begin(): Promise<void> {
    const marks = await readMarks(this.#marks);
    this.#count = marks.length;
    this.#last = marks.at(-1);
  }

  async #halve(): Promise<void> {
    const marks = (await readMarks(this.#marks)).slice(-mostMarks / 2);
    this.#count = marks.length;
    await writeFileAtomic(this.#marks, marks.map(lineOf).join(""));
  }
}

/** The marks of a file, oldest first; what is none is skipped, as the half line of a daemon that was killed. */
export async function readMarks(path: string): Promise<Mark[]> {
  return parseMarks(await readFile(path, "utf8").catch(() => ""));
}

export function parseMarks(text: string): Mark[] {
  return [...text.matchAll(/^(\d{1,15}) (\d{1,15})\n/gm)].map(([, time, size]) => ({
    time: Number(time),
    size: Number(size),
  }));
}

/** Where in the log begins what was written after a moment, as far as the marks tell: rather too early than too late. */
export function offsetAt(marks: readonly Mark[], moment: number): number {
  return marks.findLast(({ time }) => time <= moment)?.size ?? 0;
}

/** When the byte before an offset was written, at the latest; undefined after the last mark. */
export function timeOf(marks: readonly Mark[], offset: number): number | undefined {
  return marks.find(({ size }) => size >= offset)?.time;
}

function lineOf({ time, size }: Mark): string {
  return `${time} ${size}\n`;
}
