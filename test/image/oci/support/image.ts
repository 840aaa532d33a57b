import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { TarInput } from "../../../../src/archive/tar/write.ts";
import { pack } from "../../../archive/support.ts";

/** Bytes that a registry keeps, and what it calls them. */
export interface Blob {
  mediaType: string;
  digest: string;
  size: number;
  bytes: Buffer;
}

export interface MadeImage {
  manifest: Blob;
  config: Blob;
  layers: Blob[];
}

export interface ImageOptions {
  config?: object;
  compression?: "gzip" | "zstd" | "none";
  docker?: boolean;
  architecture?: string;
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function blob(mediaType: string, content: Buffer | object): Blob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

export function descriptor({ mediaType, digest, size }: Blob): {
  mediaType: string;
  digest: string;
  size: number;
} {
  return { mediaType, digest, size };
}

const compress = { gzip: gzipSync, zstd: zstdCompressSync, none: (bytes: Buffer) => bytes };
const suffixes = { gzip: "+gzip", zstd: "+zstd", none: "" };

/** An image of layers, the lowest first, in OCI's or Docker's formats. */
export async function makeImage(layers: TarInput[][], options: ImageOptions = {}): Promise<MadeImage> {
  const archives = await Promise.all(layers.map((entries) => pack(...entries)));
  return imageOf(archives, options);
}

/** The same of whole archives. */
export function imageOf(archives: Buffer[], options: ImageOptions = {}): MadeImage {
  const { compression = "gzip", docker = false, architecture = "amd64" } = options;
  const layerType = docker
    ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
    : `application/vnd.oci.image.layer.v1.tar${suffixes[compression]}`;
  const blobs = archives.map((bytes) => blob(layerType, compress[compression](bytes)));
  const config = blob(
    docker ? "application/vnd.docker.container.image.v1+json" : "application/vnd.oci.image.config.v1+json",
    {
      architecture,
      os: "linux",
      config: options.config ?? {},
      rootfs: { type: "layers", diff_ids: archives.map(digestOf) },
    },
  );
  const mediaType = docker
    ? "application/vnd.docker.distribution.manifest.v2+json"
    : "application/vnd.oci.image.manifest.v1+json";
  const manifest = blob(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: descriptor(config),
    layers: blobs.map(descriptor),
  });
  return { manifest, config, layers: blobs };
}

/** Writes an image as an OCI image layout (image-spec, image-layout.md), under one tag. */
export function writeLayout(directory: string, tag: string, { manifest, config, layers }: MadeImage): void {
  mkdirSync(join(directory, "blobs", "sha256"), { recursive: true });
  for (const { digest, bytes } of [manifest, config, ...layers]) {
    writeFileSync(join(directory, "blobs", "sha256", digest.slice("sha256:".length)), bytes);
  }
  const named = { ...descriptor(manifest), annotations: { "org.opencontainers.image.ref.name": tag } };
  writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
}
