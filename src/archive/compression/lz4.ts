import { fault } from "../../lib/errors/error.ts";
import { ByteReader } from "../bytes.ts";

/** First bytes of the legacy frame format, in which kernels are compressed (lz4_Frame_format.md of lz4). */
export const lz4Magic = Buffer.from("02214c18", "hex");

/** Bytes that a block holds at most. */
const blockLimit = 8 * 1024 * 1024;
/** The most that a block of them can take when nothing in it can be made smaller. */
const packedLimit = blockLimit + Math.ceil(blockLimit / 255) + 16;
const shortestMatch = 4;

/**
 * Decompresses the legacy format of lz4: blocks, each with its size in front.
 *
 * @throws archive_invalid, archive_truncated, and what the source throws
 */
export async function* unlz4(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  await using bytes = new ByteReader(source);
  const magic = await bytes.read(lz4Magic.length);
  if (!magic.equals(lz4Magic)) throw malformed(0, "it does not start as the legacy format does");
  for (;;) {
    const at = bytes.offset;
    const head = await bytes.read(4);
    if (head.length === 0) return;
    if (head.length < 4) throw truncated(bytes.offset);
    const size = head.readUInt32LE(0);
    // Frames may follow each other.
    if (head.equals(lz4Magic)) continue;
    if (size > packedLimit) throw malformed(at, `a block has ${size} bytes`);
    const packed = await bytes.read(size);
    if (packed.length < size) throw truncated(bytes.offset);
    yield unpackBlock(packed, at);
  }
}

/** Sequences of literals and a match in what came before (lz4_Block_format.md). */
function unpackBlock(packed: Buffer, at: number): Buffer {
  const out = Buffer.allocUnsafe(blockLimit);
  let from = 0;
  let to = 0;
  const length = (nibble: number): number => {
    let sum = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; ) {
      byte = packed[from++] ?? 0;
      sum += byte;
    }
    return sum;
  };
  while (from < packed.length) {
    const token = packed[from++] ?? 0;
    const literals = length(token >> 4);
    if (from + literals > packed.length || to + literals > blockLimit)
      throw malformed(at, "a block overruns");
    packed.copy(out, to, from, from + literals);
    from += literals;
    to += literals;
    if (from >= packed.length) break;
    if (from + 2 > packed.length) throw malformed(at, "a block ends within a sequence");
    const distance = packed.readUInt16LE(from);
    from += 2;
    const count = length(token & 15) + shortestMatch;
    if (distance === 0 || distance > to || to + count > blockLimit) throw malformed(at, "a block overruns");
    repeat(out, to, distance, count);
    to += count;
  }
  return out.subarray(0, to);
}

/** A match may reach into what it writes itself, and then repeats it. */
function repeat(out: Buffer, to: number, distance: number, count: number): void {
  for (let done = 0; done < count; ) {
    const step = Math.min(distance + done, count - done);
    out.copyWithin(to + done, to - distance, to - distance + step);
    done += step;
  }
}

function malformed(offset: number, problem: string): Error {
  return fault("archive_invalid", { format: "lz4", problem, offset });
}

function truncated(offset: number): Error {
  return fault("archive_truncated", { format: "lz4", offset, within: "in a block" });
}
