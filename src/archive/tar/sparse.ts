import type { ByteReader } from "../bytes.ts";
import { blockSize } from "./header.ts";
import { enforce, type TarLimits } from "./limits.ts";
import { malformed, truncated } from "./malformed.ts";
import { parseNumber } from "./number.ts";
import { type PaxRecords, parseDecimal } from "./pax.ts";

/** Where a file has data, in bytes. */
export interface TarRange {
  offset: number;
  length: number;
}

export interface SparseMap {
  /** Of the file, holes included. */
  size: number;
  ranges: readonly TarRange[];
  /** Bytes that the archive has for the ranges. */
  stored: number;
}

/** Where a map is read from. */
interface Place {
  bytes: ByteReader;
  limits: TarLimits;
  /** Offset of the entry's header in the archive. */
  at: number;
  /** Bytes after the header that belong to the entry. */
  stored: number;
}

/**
 * The map of a file that GNU tar stored sparse in a pax archive: 1.0 keeps it in front of the content, 0.0 and 0.1 in
 * the header. Undefined for a file that is stored whole.
 *
 * @throws archive_invalid, archive_truncated, archive_too_large
 */
export async function readPaxSparse(records: PaxRecords, place: Place): Promise<SparseMap | undefined> {
  const major = records.get("GNU.sparse.major")?.toString("latin1");
  const minor = records.get("GNU.sparse.minor")?.toString("latin1");
  const size = records.get("GNU.sparse.realsize") ?? records.get("GNU.sparse.size");
  if (size === undefined) return undefined;
  const total = parseDecimal(size.toString("latin1"), "real size", place.at);
  if (major === undefined || major === "0") {
    const map = records.get("GNU.sparse.map")?.toString("latin1") ?? "";
    const numbers = map === "" ? [] : map.split(",");
    return checkMap(pairs(numbers, place.at), total, place.stored, place.at);
  }
  if (major !== "1" || minor !== "0") {
    throw malformed(place.at, `the sparse format is ${major}.${minor}, which is not known`);
  }
  const { numbers, length } = await readLines(place);
  return checkMap(pairs(numbers, place.at), total, place.stored - length, place.at);
}

/**
 * The map of an entry of type "S" (GNU tar's old format): four ranges in the header at byte 386, each two numbers of 12
 * bytes, and 21 in each extension block; a flag after them says that another block follows.
 *
 * @throws archive_invalid, archive_truncated, archive_too_large
 */
export async function readOldSparse(header: Buffer, place: Place): Promise<SparseMap> {
  const { bytes, limits, at } = place;
  const size = parseNumber(header, 483, 12, "real size", at);
  const ranges: TarRange[] = [];
  let goesOn = collectRanges(header, 386, 4, ranges, at);
  for (let blocks = 1; goesOn; blocks += 1) {
    enforce(limits, "headerBytes", blocks * blockSize);
    const block = await bytes.read(blockSize);
    if (block.length < blockSize) throw truncated(bytes.offset, "in a sparse map");
    goesOn = collectRanges(block, 0, 21, ranges, at);
  }
  return checkMap(ranges, size, place.stored, at);
}

function collectRanges(block: Buffer, start: number, count: number, into: TarRange[], at: number): boolean {
  for (let i = 0; i < count; i += 1) {
    const field = start + i * 24;
    if (block[field] === 0) break;
    into.push({
      offset: parseNumber(block, field, 12, "offset of a sparse range", at),
      length: parseNumber(block, field + 12, 12, "length of a sparse range", at),
    });
  }
  return (block[start + count * 24] ?? 0) !== 0;
}

/** Reads the decimal lines of format 1.0: the number of ranges, then offset and length of each; padded to a block. */
async function readLines(place: Place): Promise<{ numbers: string[]; length: number }> {
  const { bytes, limits, at, stored } = place;
  const blocks: Buffer[] = [];
  let length = 0;
  let lines = 0;
  let wanted = 1;
  while (lines < wanted) {
    length += blockSize;
    enforce(limits, "headerBytes", length);
    if (length > stored) throw malformed(at, "the sparse map is longer than its entry");
    const block = await bytes.read(blockSize);
    if (block.length < blockSize) throw truncated(bytes.offset, "in a sparse map");
    if (lines === 0) {
      const line =
        Buffer.concat([...blocks, block])
          .toString("latin1", 0, 32)
          .split("\n", 1)[0] ?? "";
      wanted = 1 + 2 * parseDecimal(line, "number of sparse ranges", at);
    }
    for (const byte of block) if (byte === 0x0a) lines += 1;
    blocks.push(Buffer.from(block));
  }
  const text = Buffer.concat(blocks).toString("latin1");
  return { numbers: text.split("\n", wanted).slice(1), length };
}

function pairs(numbers: readonly string[], at: number): TarRange[] {
  if (numbers.length % 2 !== 0) throw malformed(at, "the sparse map has an offset without a length");
  const ranges: TarRange[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    ranges.push({
      offset: parseDecimal(numbers[i] ?? "", "offset of a sparse range", at),
      length: parseDecimal(numbers[i + 1] ?? "", "length of a sparse range", at),
    });
  }
  return ranges;
}

function checkMap(ranges: readonly TarRange[], size: number, stored: number, at: number): SparseMap {
  if (size < 0) throw malformed(at, `the real size is ${size}`);
  let end = 0;
  let sum = 0;
  for (const { offset, length } of ranges) {
    if (offset < end || length < 0) throw malformed(at, "the sparse map has ranges that overlap");
    end = offset + length;
    sum += length;
  }
  if (end > size) throw malformed(at, `the sparse map goes to byte ${end} of a file of ${size} bytes`);
  if (sum !== stored) throw malformed(at, `the sparse map has ${sum} bytes of data, the entry ${stored}`);
  return { size, ranges, stored };
}
