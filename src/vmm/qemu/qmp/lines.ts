const newline = 0x0a;

/** Cuts a stream of bytes into lines of text, and never keeps more than `limit` bytes of an unfinished one. */
export class LineCutter {
  readonly #limit: number;
  #kept: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that end in this chunk; undefined when one is longer than the limit. */
  push(chunk: Buffer): string[] | undefined {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return undefined;
      lines.push(this.#take());
      start = end + 1;
    }
    return this.#keep(chunk.subarray(start)) ? lines : undefined;
  }

  #keep(bytes: Buffer): boolean {
    this.#size += bytes.length;
    if (this.#size > this.#limit) return false;
    if (bytes.length > 0) this.#kept.push(bytes);
    return true;
  }

  #take(): string {
    const line = Buffer.concat(this.#kept).toString("utf8");
    this.#kept = [];
    this.#size = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
