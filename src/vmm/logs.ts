import { type FileHandle, open } from "node:fs/promises";
import { errnoOf } from "../lib/errors/error.ts";

/** The last `bytes` bytes of a file as text; empty when there is no file. */
export async function readTail(path: string, bytes: number): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
  try {
    return (await tailOf(file, bytes)).toString("utf8");
  } finally {
    await file.close();
  }
}

/**
 * Keeps the last `keep` bytes of a log that has grown over `limit`, from the beginning of a line. Whoever writes to it must
 * append (O_APPEND); what it writes in the very moment may come out of order.
 */
export async function trimLog(path: string, limit: number, keep: number): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "r+");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    if ((await file.stat()).size <= limit) return;
    const tail = await tailOf(file, keep);
    const kept = tail.subarray(tail.indexOf("\n") + 1);
    await file.truncate(0);
    await file.write(kept, 0, kept.length, 0);
  } finally {
    await file.close();
  }
}

async function tailOf(file: FileHandle, bytes: number): Promise<Buffer> {
  const { size } = await file.stat();
  const length = Math.min(size, bytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.subarray(0, bytesRead);
}
