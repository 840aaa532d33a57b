import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { type BangerError, errnoOf, fault, messageOf } from "../../lib/errors/error.ts";
import { type Compression, detect } from "./detect.ts";
import { unxz } from "./xz.ts";
import { zstdFrames } from "./zstd-frames.ts";

export interface DecompressOptions {
  signal?: AbortSignal | undefined;
  /**
   * Whether a piece is valid only until the next one is asked for. Its memory is free at once then, instead of when the collector
   * comes by, which for large archives is many collections and tens of megabytes.
   */
  fleeting?: boolean;
}

/** Bytes of one piece of output, and of what is held between input and output. */
const pieceSize = 256 * 1024;
/** 128 MiB, what `zstd -d` takes without being asked for more: a frame can demand this much memory. */
const zstdWindowLog = 27;

/**
 * Decompresses a stream; `auto` goes by its first bytes. Of several compressed streams one after the other, the
 * contents are joined.
 *
 * @throws archive_invalid, archive_truncated, interrupted, tool_missing (xz), and what the source throws
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  format: Compression | "auto" = "auto",
  options: DecompressOptions = {},
): AsyncGenerator<Buffer, void, void> {
  if (format === "auto") {
    const detected = await detect(source);
    yield* decompress(detected.source, detected.format, options);
    return;
  }
  switch (format) {
    case "gzip":
      yield* inflate(format, source, createGunzip({ chunkSize: pieceSize }), options);
      return;
    case "zstd":
      yield* inflate(format, zstdFrames(source), zstdStream(), options);
      return;
    case "xz":
      yield* unxz(source, options);
      return;
    case "none":
      for await (const chunk of source) {
        if (options.signal?.aborted) throw cancelled(options.signal.reason);
        yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      }
  }
}

function zstdStream(): ZstdDecompress {
  return createZstdDecompress({
    chunkSize: pieceSize,
    params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
  });
}

async function* inflate(
  format: Compression,
  source: AsyncIterable<Uint8Array>,
  engine: Transform & { bytesWritten: number },
  { signal, fleeting = false }: DecompressOptions,
): AsyncGenerator<Buffer, void, void> {
  const fed = pipeline(source, engine, { signal });
  // A failure of the source comes out of the engine, too.
  fed.catch(() => undefined);
  try {
    yield* fleeting ? freeing(engine) : engine;
  } catch (error) {
    throw translate(error, format, engine.bytesWritten, signal);
  } finally {
    engine.destroy();
  }
}

/** The engine fills one buffer after the other, each with one or more pieces; when it has begun another, it is done with this one. */
async function* freeing(engine: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let current: ArrayBufferLike | undefined;
  for await (const piece of engine) {
    if (current instanceof ArrayBuffer && current !== piece.buffer) current.transfer(0);
    current = piece.buffer;
    yield piece;
  }
}

function translate(error: unknown, format: string, offset: number, signal: AbortSignal | undefined): unknown {
  const code = errnoOf(error) ?? "";
  if (code === "Z_BUF_ERROR") {
    return fault("archive_truncated", { format, offset, within: "in compressed data" }, error);
  }
  if (/^(Z_|ZSTD_)/.test(code)) {
    return fault("archive_invalid", { format, offset, problem: messageOf(error) }, error);
  }
  return signal?.aborted ? cancelled(error) : error;
}

function cancelled(cause: unknown): BangerError {
  return fault("interrupted", { what: "decompressing" }, cause);
}
