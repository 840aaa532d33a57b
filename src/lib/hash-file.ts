import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { readAhead } from "./read-ahead.ts";

/** SHA-256 of a file in lower-case hex. @throws interrupted */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const file = await open(path, "r");
  try {
    return (await hashHandle(file, signal)).hash.digest("hex");
  } finally {
    await file.close();
  }
}

/** Puts all of an open file into a SHA-256 that can go on from there. @throws interrupted */
export async function hashHandle(
  file: FileHandle,
  signal?: AbortSignal,
): Promise<{ hash: Hash; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of readAhead(file, "checking a file", signal)) {
    hash.update(piece);
    size += piece.length;
  }
  return { hash, size };
}
