import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { errnoOf, fault } from "../../lib/errors/error.ts";

export interface CompressOptions {
  signal?: AbortSignal | undefined;
  /** 1 to 19. Default: 3, as of the zstd program. */
  level?: number;
}

/** Bytes of one piece of output. */
const pieceSize = 256 * 1024;

/**
 * Compresses a stream as one zstd frame with a checksum.
 *
 * @throws interrupted, and what the source throws
 */
export async function* compressZstd(
  source: AsyncIterable<Uint8Array>,
  { signal, level = 3 }: CompressOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const engine = createZstdCompress({
    chunkSize: pieceSize,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  });
  const fed = pipeline(source, engine, { signal });
  // A failure of the source comes out of the engine, too.
  fed.catch(() => undefined);
  try {
    for await (const piece of engine) yield piece as Buffer;
  } catch (error) {
    if (signal?.aborted && errnoOf(error) === "ABORT_ERR") {
      throw fault("interrupted", { what: "compressing" }, error);
    }
    throw error;
  } finally {
    engine.destroy();
  }
}
