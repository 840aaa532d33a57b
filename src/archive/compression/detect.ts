export type Compression = "gzip" | "zstd" | "xz" | "none";

const longestMagic = 6;

/** Tells a stream's compression by its first bytes, and gives the stream again with those bytes. */
export async function detect(
  source: AsyncIterable<Uint8Array>,
): Promise<{ format: Compression; source: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let size = 0;
  while (size < longestMagic) {
    const next = await iterator.next();
    if (next.done) break;
    seen.push(next.value);
    size += next.value.length;
  }
  return { format: formatOf(Buffer.concat(seen)), source: replay(seen, iterator) };
}

/** "none" for whatever is not known. A zstd stream may start with a skippable frame (RFC 8878, 3.1.2). */
export function formatOf(start: Buffer): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  if (start.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))) return "zstd";
  if (((start[0] ?? 0) & 0xf0) === 0x50 && start.subarray(1, 4).equals(Buffer.from([0x2a, 0x4d, 0x18]))) {
    return "zstd";
  }
  if (start.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]))) return "xz";
  return "none";
}

async function* replay(
  seen: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* seen;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.();
  }
}
