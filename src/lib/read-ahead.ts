import type { FileHandle } from "node:fs/promises";
import { fault } from "./errors/error.ts";

/** A part of a file, in bytes. */
export interface FileRange {
  offset: number;
  length: number;
}

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
  const { size: length } = await file.stat();
  for await (const { data } of readRanges(file, [{ offset: 0, length }], what, signal)) yield data;
}

/** The same of parts of it. What lies beyond the end of the file is left out. */
export async function* readRanges(
  file: FileHandle,
  ranges: readonly FileRange[],
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<{ offset: number; data: Buffer }, void, void> {
  const pieces = piecesOf(ranges);
  const start = (buffer: Buffer): Reading | undefined => {
    const { value: piece } = pieces.next();
    if (!piece) return undefined;
    const data = read(file, buffer, piece);
    // Whoever stops in between does not wait for it.
    data.catch(() => undefined);
    return { offset: piece.offset, data };
  };
  const room = ranges.reduce((most, { length }) => Math.max(most, Math.min(length, pieceSize)), 0);
  let [current, next] = [Buffer.allocUnsafe(room), Buffer.allocUnsafe(room)];
  let reading = start(current);
  try {
    while (reading) {
      const { offset } = reading;
      const data = await reading.data;
      if (signal?.aborted) throw fault("interrupted", { what }, signal.reason);
      if (data.length === 0) return;
      reading = start(next);
      yield { offset, data };
      [current, next] = [next, current];
    }
  } finally {
    await reading?.data.catch(() => undefined);
  }
}

interface Reading {
  offset: number;
  data: Promise<Buffer>;
}

function* piecesOf(ranges: readonly FileRange[]): Generator<FileRange, undefined, void> {
  for (const { offset, length } of ranges) {
    for (let at = 0; at < length; at += pieceSize) {
      yield { offset: offset + at, length: Math.min(pieceSize, length - at) };
    }
  }
}

/** Fills the buffer as far as the file goes, which one call need not do. */
async function read(file: FileHandle, buffer: Buffer, { offset, length }: FileRange): Promise<Buffer> {
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
