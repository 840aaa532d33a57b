import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { zstdCompressSync } from "node:zlib";
import type { TarInput } from "../../../src/archive/tar/write.ts";
import { surveyFile } from "../../../src/image/bundle/survey.ts";
import { writeBundle } from "../../../src/image/bundle/write.ts";
import type { ImageManifest } from "../../../src/model/image.ts";
import { file, gather, pack } from "../../archive/support.ts";

const signal = new AbortController().signal;

/** What is an ext4 file system as far as a bundle's reader looks: content with the magic number in its place. */
export function fakeExt4(content: Buffer): Buffer {
  const disk = Buffer.concat([content, Buffer.alloc(Math.max(0, 2048 - content.length))]);
  disk.writeUInt16LE(0xef53, 1024 + 0x38);
  return disk;
}

export function manifestOf(disk: Buffer, more: Partial<ImageManifest> = {}): ImageManifest {
  return {
    version: 1,
    id: "0123456789ab",
    name: "dev",
    arch: "amd64",
    distro: "debian",
    kernel: "generic-6.1",
    init: "/sbin/init",
    config: { env: ["A=b"], entrypoint: [], cmd: ["sh"] },
    rootfs: { file: "rootfs.ext4", size: disk.length, sha256: sha256(disk), mtime: 1 },
    source: { kind: "debian", detail: "bookworm" },
    createdAt: "2026-01-01T00:00:00.000Z",
    ...more,
  };
}

export function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bundle of a disk, as `image save` makes it. */
export async function bundleOf(
  disk: Buffer,
  path: string,
  more: Partial<ImageManifest> = {},
): Promise<Buffer> {
  writeFileSync(path, disk);
  const { ranges } = await surveyFile(path, signal);
  return await gather(writeBundle(manifestOf(disk, more), path, ranges, signal));
}

/** A zstd-compressed tar of any entries. */
export async function packed(...entries: TarInput[]): Promise<Buffer> {
  return zstdCompressSync(await pack(...entries));
}

export function manifestEntry(manifest: object, path = "manifest.json"): TarInput {
  return file(path, JSON.stringify(manifest));
}

export function rootfsEntry(disk: Buffer, path = "rootfs.ext4"): TarInput {
  return file(path, disk);
}
