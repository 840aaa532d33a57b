import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { dataRanges } from "./data-ranges.ts";
import { fault } from "./errors/error.ts";
import { type FileRange, readRanges } from "./read-ahead.ts";

const what = "checking a file";
const zeros = Buffer.alloc(1024 * 1024);

/** SHA-256 of a file in lower-case hex. @throws interrupted */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const file = await open(path, "r");
  try {
    return (await hashHandle(file, signal)).hash.digest("hex");
  } finally {
    await file.close();
  }
}

/**
 * Puts all of an open file into a SHA-256 that can go on from there. Holes are not read, but count as the zeros that they are.
 *
 * @param ranges where it has data, if that is known
 * @throws interrupted
 */
export async function hashHandle(
  file: FileHandle,
  signal?: AbortSignal,
  ranges?: readonly FileRange[],
): Promise<{ hash: Hash; size: number }> {
  const hash = createHash("sha256");
  const known = ranges ?? (await dataRanges(file, signal));
  let size = 0;
  for await (const { offset, data } of readRanges(file, known, what, signal)) {
    await hashZeros(hash, offset - size, signal);
    hash.update(data);
    size = offset + data.length;
  }
  const hole = (await file.stat()).size - size;
  await hashZeros(hash, hole, signal);
  return { hash, size: size + hole };
}

async function hashZeros(hash: Hash, count: number, signal: AbortSignal | undefined): Promise<void> {
  for (let left = count; left > 0; left -= zeros.length) {
    if (signal?.aborted) throw fault("interrupted", { what }, signal.reason);
    hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
    // It costs no reading, in which others would have their turn.
    await setImmediate();
  }
}
