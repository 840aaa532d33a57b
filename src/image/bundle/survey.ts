import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { TarRange } from "../../archive/tar/sparse.ts";
import { fault } from "../../lib/errors/error.ts";
import { blockSize, isZero } from "./zeros.ts";

export interface Survey {
  size: number;
  /** Lower-case hex. */
  sha256: string;
  /** Where the file has other bytes than zeros, in whole blocks but for the end of the file. */
  ranges: TarRange[];
}

const pieceSize = 1024 * 1024;
/** A map of more ranges is longer than readers of archives take. */
const rangeLimit = 16_384;
const smallestHole = 64 * 1024;

/**
 * Reads a whole file: its hash, and where it has data. Zeros count as a hole from a length on that keeps the number of ranges small,
 * whether the disk has them or not, so that the same content gives the same answer.
 *
 * @throws interrupted, and errors of the file
 */
export async function surveyFile(path: string, signal: AbortSignal): Promise<Survey> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const hole = Math.max(smallestHole, Math.ceil(size / rangeLimit / blockSize) * blockSize);
  const hash = createHash("sha256");
  const ranges: TarRange[] = [];
  const buffer = Buffer.allocUnsafe(pieceSize);
  for (let position = 0; position < size; ) {
    if (signal.aborted) throw fault("interrupted", { what: "reading the image" }, signal.reason);
    const wanted = Math.min(pieceSize, size - position);
    const { bytesRead } = await file.read(buffer, 0, wanted, position);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    collect(ranges, piece, position, hole);
    position += bytesRead;
  }
  return { size, sha256: hash.digest("hex"), ranges };
}

function collect(ranges: TarRange[], piece: Buffer, position: number, hole: number): void {
  if (isZero(piece)) return;
  for (let start = 0; start < piece.length; start += blockSize) {
    const block = piece.subarray(start, start + blockSize);
    if (isZero(block)) continue;
    const offset = position + start;
    const last = ranges.at(-1);
    if (last && offset - (last.offset + last.length) < hole) {
      last.length = offset + block.length - last.offset;
    } else ranges.push({ offset, length: block.length });
  }
}
