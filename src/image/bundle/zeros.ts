/** Bytes that are a hole, or data, as a whole. */
export const blockSize = 4096;

const zeros = Buffer.alloc(64 * 1024);

/** Whether a piece has no other byte than zero. */
export function isZero(piece: Buffer): boolean {
  for (let start = 0; start < piece.length; start += zeros.length) {
    const length = Math.min(zeros.length, piece.length - start);
    if (piece.compare(zeros, 0, length, start, start + length) !== 0) return false;
  }
  return true;
}
