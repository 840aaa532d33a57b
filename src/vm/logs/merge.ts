import { StringDecoder } from "node:string_decoder";

export interface LineSource<Name extends string> {
  readonly from: Name;
  readonly lines: AsyncGenerator<Buffer>;
}

export interface SourceLine<Name extends string> {
  readonly from: Name;
  /** Without its end. */
  readonly line: string;
}

/** A line that does not end is given out in pieces of this many characters. */
const longest = 64 * 1024;

/** The lines of several sources, each as soon as it is whole; ends when all have ended. */
export async function* merged<Name extends string>(
  sources: readonly LineSource<Name>[],
): AsyncGenerator<SourceLine<Name>> {
  const readers = sources.map((source) => new LineReader(source));
  const waiting = new Map(readers.map((reader) => [reader, reader.next()]));
  try {
    while (waiting.size > 0) {
      const { reader, lines } = await Promise.race(waiting.values());
      if (lines === undefined) waiting.delete(reader);
      else waiting.set(reader, reader.next());
      for (const line of lines ?? []) yield { from: reader.from, line };
    }
  } finally {
    // One that waits for its next piece ends when its own signal does.
    for (const reader of readers) void reader.close();
  }
}

class LineReader<Name extends string> {
  readonly from: Name;
  readonly #source: AsyncGenerator<Buffer>;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  constructor({ from, lines }: LineSource<Name>) {
    this.from = from;
    this.#source = lines;
  }

  /** The lines that the next piece completes; undefined at the end. */
  async next(): Promise<{ reader: LineReader<Name>; lines: string[] | undefined }> {
    const { value, done } = await this.#source.next();
    if (done) return { reader: this, lines: undefined };
    const lines = (this.#rest + this.#decoder.write(value)).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > longest) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    return { reader: this, lines };
  }

  async close(): Promise<void> {
    await this.#source.return(undefined).catch(() => undefined);
  }
}
