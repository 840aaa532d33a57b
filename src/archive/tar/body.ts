import assert from "node:assert/strict";
import type { ByteReader } from "../bytes.ts";
import type { TarExtent } from "./entry.ts";
import { padded } from "./header.ts";
import { truncated } from "./malformed.ts";
import type { SparseMap } from "./sparse.ts";

/** Holes of all files are views of these zeros. */
const zeros = Buffer.alloc(64 * 1024);

/** The content of one entry, read off the archive as it is asked for. */
export class Body {
  readonly content: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => this.#expand() };
  readonly extents: AsyncIterable<TarExtent> = { [Symbol.asyncIterator]: () => this.#read() };
  readonly #bytes: ByteReader;
  readonly #map: SparseMap;
  #left: number;
  #state: "untouched" | "reading" | "finished" = "untouched";

  constructor(bytes: ByteReader, map: SparseMap) {
    this.#bytes = bytes;
    this.#map = map;
    this.#left = map.stored;
  }

  /** Passes over what was not read, and the padding. @throws archive_truncated */
  async finish(): Promise<void> {
    this.#state = "finished";
    const padding = padded(this.#map.stored) - this.#map.stored;
    const missing = await this.#bytes.skip(this.#left + padding);
    if (missing > 0) throw truncated(this.#bytes.offset, "in the content of a file");
  }

  async *#read(): AsyncGenerator<TarExtent, void, void> {
    assert(this.#state === "untouched", "the content of a tar member is read once, before the next member");
    this.#state = "reading";
    for (const range of this.#map.ranges) {
      let { offset } = range;
      const end = offset + range.length;
      while (offset < end) {
        assert(this.#state === "reading", "the content of a tar member is read before the next member");
        const data = await this.#bytes.some(end - offset);
        if (!data) throw truncated(this.#bytes.offset, "in the content of a file");
        this.#left -= data.length;
        yield { offset, data };
        offset += data.length;
      }
    }
  }

  async *#expand(): AsyncGenerator<Buffer, void, void> {
    let position = 0;
    for await (const { offset, data } of this.#read()) {
      yield* zerosOf(offset - position);
      yield data;
      position = offset + data.length;
    }
    yield* zerosOf(this.#map.size - position);
  }
}

function* zerosOf(count: number): Generator<Buffer, void, void> {
  for (let left = count; left > 0; left -= zeros.length) {
    yield left < zeros.length ? zeros.subarray(0, left) : zeros;
  }
}
