import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { fault } from "./errors/error.ts";

const bufferSize = 256 * 1024;

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
 * Puts all of an open file into a SHA-256 that can go on from there. One buffer serves for all of it: a stream would
 * allocate the whole file piece by piece, and a large one shows in the memory of the daemon.
 */
export async function hashHandle(
  file: FileHandle,
  signal?: AbortSignal,
): Promise<{ hash: Hash; size: number }> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(bufferSize);
  // Not until nothing comes: a device may give bytes for ever.
  const { size: end } = await file.stat();
  let size = 0;
  while (size < end) {
    if (signal?.aborted) throw fault("interrupted", { what: "checking a file" }, signal.reason);
    const { bytesRead } = await file.read(buffer, 0, Math.min(bufferSize, end - size), size);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
  return { hash, size };
}
