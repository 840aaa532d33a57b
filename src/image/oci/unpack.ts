import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { decompress } from "../../archive/compression/decompress.ts";
import { readTar } from "../../archive/tar/read.ts";
import { diskFault } from "../../lib/atomic.ts";
import { fault } from "../../lib/errors/error.ts";
import { formatSize } from "../../lib/size.ts";
import type { Budget, ImageLimits } from "./budget.ts";
import { tarOptions } from "./layer.ts";
import { type LayerSurvey, surveyLayer } from "./survey.ts";

export interface Blob {
  path: string;
  /** Bytes, as compressed as the registry has it. */
  size: number;
  /** Digest of the archive in it. */
  diffId: string;
}

export interface LayerTerms {
  /** For errors. */
  reference: string;
  limits: ImageLimits;
  /** Is charged with what the layer holds. */
  budget: Budget;
}

const pieceSize = 256 * 1024;
const zeros = Buffer.alloc(pieceSize);

/**
 * Decompresses a layer into an empty file and looks at what it holds, both in one pass. The archive has been compared with its
 * digest when this resolves.
 *
 * @throws registry_bad_digest, image_too_large, archive_*, no_space, interrupted
 */
export async function unpackLayer(
  blob: Blob,
  file: FileHandle,
  terms: LayerTerms,
  signal: AbortSignal,
): Promise<LayerSurvey> {
  try {
    const members = readTar(unpacked(blob, file, terms, signal), tarOptions(terms.limits));
    return await surveyLayer(members, terms.budget);
  } catch (error) {
    if (signal.aborted) throw fault("interrupted", { what: "unpacking a layer" }, error);
    throw diskFault(error, blob.path, "unpacking a layer");
  }
}

async function* unpacked(
  { path, size, diffId }: Blob,
  file: FileHandle,
  { reference, limits }: LayerTerms,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const hash = createHash("sha256");
  const limit = Math.min(limits.bytes, Math.max(limits.plausible, size * limits.ratio));
  let position = 0;
  const source = createReadStream(path, { highWaterMark: pieceSize, signal });
  for await (const piece of decompress(source, "auto", { signal, fleeting: true })) {
    if (position + piece.length > limit) {
      throw fault("image_too_large", { reference, what: "a layer", limit: formatSize(limit) });
    }
    hash.update(piece);
    // Zeros become a hole: what blows up the most takes the least room.
    if (!isZero(piece)) await writeAt(file, piece, position);
    position += piece.length;
    yield piece;
  }
  await file.truncate(position);
  const actual = `sha256:${hash.digest("hex")}`;
  if (actual !== diffId) throw fault("registry_bad_digest", { reference, expected: diffId, actual });
}

function isZero(piece: Buffer): boolean {
  return piece.length <= zeros.length && piece.equals(zeros.subarray(0, piece.length));
}

async function writeAt(file: FileHandle, piece: Buffer, position: number): Promise<void> {
  for (let at = 0; at < piece.length; ) {
    const { bytesWritten } = await file.write(piece, at, piece.length - at, position + at);
    at += bytesWritten;
  }
}
