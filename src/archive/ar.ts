import assert from "node:assert/strict";
import { show } from "../lib/errors/define.ts";
import { type BangerError, fault } from "../lib/errors/error.ts";
import { ByteReader } from "./bytes.ts";

export interface ArMember {
  name: string;
  /** Bytes of content. */
  size: number;
  /** To be read once, before the next member is asked for; else it is skipped. */
  content: AsyncIterable<Buffer>;
}

const magic = "!<arch>\n";
const headerSize = 60;

/**
 * Reads an ar archive with plain names of up to 16 bytes, as a Debian package is (deb(5)), in one pass. The tables of
 * symbols and of long names that libraries have are refused.
 *
 * @throws archive_invalid, archive_truncated, and what the source throws
 */
export async function* readAr(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArMember, void, void> {
  await using bytes = new ByteReader(source);
  const start = await bytes.read(magic.length);
  if (start.toString("latin1") !== magic)
    throw malformed(0, `it starts with ${show(start.toString("latin1"))}`);
  for (;;) {
    const at = bytes.offset;
    const header = await bytes.read(headerSize);
    if (header.length === 0) return;
    if (header.length < headerSize) throw truncated(bytes.offset, "in a header");
    const { name, size } = parseHeader(header.toString("latin1"), at);
    const body = new Body(bytes, size);
    yield { name, size, content: body.content };
    await body.finish();
  }
}

/** Columns: name 16, mtime 12, uid 6, gid 6, mode 8, size 10 (decimal), and two bytes that end the header. */
function parseHeader(header: string, at: number): { name: string; size: number } {
  const digits = header.slice(48, 58).trimEnd();
  if (!/^\d+$/.test(digits) || !header.endsWith("`\n")) throw malformed(at, "a header is malformed");
  const name = header.slice(0, 16).trimEnd().replace(/\/$/, "");
  if (name === "" || name.startsWith("/") || name.startsWith("#1/")) {
    throw malformed(at, `the member ${show(header.slice(0, 16).trimEnd())} is not a file with a short name`);
  }
  return { name, size: Number(digits) };
}

class Body {
  readonly content: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => this.#read() };
  readonly #bytes: ByteReader;
  readonly #size: number;
  #left: number;
  #finished = false;

  constructor(bytes: ByteReader, size: number) {
    this.#bytes = bytes;
    this.#size = size;
    this.#left = size;
  }

  /** Members start at even offsets; the last one's padding may be missing. */
  async finish(): Promise<void> {
    this.#finished = true;
    if ((await this.#bytes.skip(this.#left)) > 0) throw truncated(this.#bytes.offset, "in a member");
    await this.#bytes.skip(this.#size % 2);
  }

  async *#read(): AsyncGenerator<Buffer, void, void> {
    while (this.#left > 0) {
      assert(!this.#finished, "the content of an ar member is read before the next member");
      const data = await this.#bytes.some(this.#left);
      if (!data) throw truncated(this.#bytes.offset, "in a member");
      this.#left -= data.length;
      yield data;
    }
  }
}

function malformed(offset: number, problem: string): BangerError {
  return fault("archive_invalid", { format: "ar", problem, offset });
}

function truncated(offset: number, within: string): BangerError {
  return fault("archive_truncated", { format: "ar", offset, within });
}
