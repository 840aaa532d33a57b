import { open } from "node:fs/promises";
import { compressZstd } from "../../archive/compression/compress.ts";
import type { TarRange } from "../../archive/tar/sparse.ts";
import { type TarInput, writeTar } from "../../archive/tar/write.ts";
import type { ImageManifest } from "../../model/image.ts";
import { manifestFile, rootfsFile } from "../store/entry.ts";
import { formatBundleManifest } from "./manifest.ts";

const pieceSize = 256 * 1024;

/**
 * An image as a bundle: a zstd-compressed tar of `manifest.json` and `rootfs.ext4`, the latter sparse (GNU's format 1.0). The same
 * image gives the same bytes.
 *
 * @param ranges where the disk has data (`surveyFile`)
 * @throws interrupted, archive_entry_unwritable, and errors of the file
 */
export function writeBundle(
  manifest: ImageManifest,
  rootfs: string,
  ranges: readonly TarRange[],
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  return compressZstd(writeTar(members(manifest, rootfs, ranges)), { signal });
}

function* members(manifest: ImageManifest, rootfs: string, ranges: readonly TarRange[]): Generator<TarInput> {
  const seconds = Math.floor(Date.parse(manifest.createdAt) / 1000);
  const usual = {
    type: "file",
    uid: 0,
    gid: 0,
    mtime: { seconds, nanoseconds: 0 },
    xattrs: new Map(),
  } as const;
  const text = formatBundleManifest(manifest);
  yield { ...usual, path: Buffer.from(manifestFile), mode: 0o644, size: text.length, content: [text] };
  const { size } = manifest.rootfs;
  const content = readRanges(rootfs, ranges);
  yield { ...usual, path: Buffer.from(rootfsFile), mode: 0o644, size, data: ranges, content };
}

async function* readRanges(path: string, ranges: readonly TarRange[]): AsyncGenerator<Buffer> {
  await using file = await open(path, "r");
  for (const { offset, length } of ranges) {
    for (let position = offset; position < offset + length; ) {
      const buffer = Buffer.allocUnsafe(Math.min(pieceSize, offset + length - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      position += bytesRead;
    }
  }
}
