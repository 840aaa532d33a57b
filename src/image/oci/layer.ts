import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { decompress } from "../../archive/compression/decompress.ts";
import type { TarMember } from "../../archive/tar/entry.ts";
import { readTar } from "../../archive/tar/read.ts";
import { diskFault } from "../../lib/atomic.ts";
import { fault } from "../../lib/errors/error.ts";
import { formatSize } from "../../lib/size.ts";
import type { ImageLimits } from "./budget.ts";
import type { FetchedLayer } from "./fetch.ts";

const pieceSize = 256 * 1024;

/**
 * The entries of a layer. All of its archive has been compared with the digest that the image's configuration gives for it when
 * the last entry has been read.
 *
 * @throws registry_bad_digest, image_too_large, archive_invalid, archive_truncated, archive_too_large, interrupted
 */
export async function* readLayer(
  layer: FetchedLayer,
  reference: string,
  limits: ImageLimits,
  signal: AbortSignal,
): AsyncGenerator<TarMember, void, void> {
  const archive = checked(layer, reference, limits, signal);
  // Without an end marker nothing is missing either: the digest says so.
  const options = { limits: { entries: limits.entries, contentBytes: limits.bytes }, requireEnd: false };
  try {
    yield* readTar(archive, options);
  } catch (error) {
    if (signal.aborted) throw fault("interrupted", { what: "reading a layer" }, error);
    throw diskFault(error, layer.path, "reading a layer");
  }
}

async function* checked(
  layer: FetchedLayer,
  reference: string,
  limits: ImageLimits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const hash = createHash("sha256");
  const limit = Math.min(limits.bytes, Math.max(limits.plausible, layer.size * limits.ratio));
  let size = 0;
  const blob = createReadStream(layer.path, { highWaterMark: pieceSize, signal });
  for await (const piece of decompress(blob, "auto", { signal })) {
    size += piece.length;
    if (size > limit) {
      throw fault("image_too_large", { reference, what: "a layer", limit: formatSize(limit) });
    }
    hash.update(piece);
    yield piece;
  }
  const actual = `sha256:${hash.digest("hex")}`;
  if (actual === layer.diffId) return;
  throw fault("registry_bad_digest", { reference, expected: layer.diffId, actual });
}
