import { encodeHeader, unwritable } from "./encode.ts";
import type { TarEntry } from "./entry.ts";
import { blockSize, padded } from "./header.ts";
import type { TarRange } from "./sparse.ts";

/** What to write of one file. A `TarMember` is one. */
export interface TarInput extends TarEntry {
  /** Exactly `size` bytes; with `data` given, exactly the bytes of its ranges, one after the other. */
  content?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Where a file has data, ascending, each but the last in multiples of 512 bytes; the file is stored sparse then. */
  data?: readonly TarRange[];
}

/** Small pieces are put together until they are worth a write(2). */
const batchSize = 64 * 1024;

/**
 * Writes a pax archive, as plain ustar wherever that is enough. The same entries always give the same bytes.
 *
 * @throws archive_entry_unwritable, and what the entries and their contents throw
 */
export async function* writeTar(
  entries: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Buffer, void, void> {
  const batch = new Batch();
  for await (const entry of entries) {
    yield* batch.add(encodeHeader(entry, entry.data));
    if (entry.type !== "file") continue;
    const expected = entry.data ? sumOf(entry.data) : entry.size;
    let written = 0;
    for await (const piece of entry.content ?? []) {
      written += piece.length;
      if (written > expected) break;
      yield* batch.add(piece);
    }
    if (written !== expected) {
      const problem = `it had ${written > expected ? "more than " : ""}${Math.min(written, expected)} bytes`;
      throw unwritable(entry, `${problem} of content instead of ${expected}`);
    }
    yield* batch.add(Buffer.alloc(padded(written) - written));
  }
  yield* batch.add(Buffer.alloc(2 * blockSize));
  yield* batch.flush();
}

class Batch {
  #pieces: Uint8Array[] = [];
  #size = 0;

  *add(piece: Uint8Array): Generator<Buffer, void, void> {
    if (piece.length === 0) return;
    if (piece.length >= batchSize) {
      yield* this.flush();
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      return;
    }
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size >= batchSize) yield* this.flush();
  }

  *flush(): Generator<Buffer, void, void> {
    if (this.#size === 0) return;
    const whole = Buffer.concat(this.#pieces, this.#size);
    this.#pieces = [];
    this.#size = 0;
    yield whole;
  }
}

function sumOf(ranges: readonly TarRange[]): number {
  return ranges.reduce((sum, { length }) => sum + length, 0);
}
