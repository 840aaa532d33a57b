import type { FileHandle } from "node:fs/promises";
import { fault } from "./errors/error.ts";

const pieceSize = 2 * 1024 * 1024;

/**
 * The bytes of an open file from its beginning, one piece being read while another is in use. Two buffers serve for all of it: a
 * piece is valid until the next one is asked for. A stream would allocate the whole file piece by piece, and a large one shows in
 * the memory of the daemon.
 *
 * @throws interrupted, and what reading throws
 */
export async function* readAhead(
  file: FileHandle,
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  // Not until nothing comes: a device may give bytes for ever.
  const { size: end } = await file.stat();
  let position = 0;
  const start = (buffer: Buffer): Promise<number> => {
    const reading = read(file, buffer, position, end);
    position += Math.min(buffer.length, end - position);
    // Whoever stops in between does not wait for it.
    reading.catch(() => undefined);
    return reading;
  };
  const room = Math.min(pieceSize, end);
  let [current, next] = [Buffer.allocUnsafe(room), Buffer.allocUnsafe(room)];
  let reading = start(current);
  try {
    for (;;) {
      const length = await reading;
      if (signal?.aborted) throw fault("interrupted", { what }, signal.reason);
      if (length === 0) return;
      reading = start(next);
      yield current.subarray(0, length);
      [current, next] = [next, current];
    }
  } finally {
    await reading.catch(() => undefined);
  }
}

/** Fills the buffer as far as the file goes, which one call need not do. */
async function read(file: FileHandle, buffer: Buffer, position: number, end: number): Promise<number> {
  const wanted = Math.min(buffer.length, end - position);
  let length = 0;
  while (length < wanted) {
    const { bytesRead } = await file.read(buffer, length, wanted - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}
