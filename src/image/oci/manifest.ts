import { z } from "zod";
import { isDigest } from "./reference.ts";

const digest = z.string().refine(isDigest, "not a sha256 digest");

/** What another document is referred to by (image-spec, descriptor.md). */
export const descriptorSchema = z.object({
  mediaType: z.string().default(""),
  digest,
  size: z.int().min(0),
});
export type Descriptor = z.output<typeof descriptorSchema>;

export const platformSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
});
export type Platform = z.output<typeof platformSchema>;

/** Image index, and Docker's manifest list. */
export const indexSchema = z.object({
  mediaType: z.string().optional(),
  manifests: z.array(descriptorSchema.extend({ platform: platformSchema.optional() })).max(1000),
});
export type ImageIndex = z.output<typeof indexSchema>;

/** Manifest of one image for one platform. Overlayfs takes at most 127 layers at once; nothing here depends on that. */
export const manifestSchema = z.object({
  mediaType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(512),
});
export type OciManifest = z.output<typeof manifestSchema>;

const texts = z.array(z.string()).nullish();

/** The image's configuration (image-spec, config.md), as far as a machine has a use for it. */
export const configSchema = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
  config: z
    .object({
      User: z.string().nullish(),
      Env: texts,
      Entrypoint: texts,
      Cmd: texts,
      WorkingDir: z.string().nullish(),
    })
    .nullish(),
  rootfs: z.object({ diff_ids: z.array(digest) }),
});
export type OciConfig = z.output<typeof configSchema>;

export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
] as const;
export const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
] as const;
export const configTypes = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
] as const;

/** Whether layers of a media type are archives that this program unpacks; compression is told by their first bytes. */
export function isLayerType(mediaType: string): boolean {
  return (
    /^application\/vnd\.oci\.image\.layer\.(nondistributable\.)?v1\.tar(\+gzip|\+zstd)?$/.test(mediaType) ||
    /^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar(\.gzip|\.zstd)?$/.test(mediaType)
  );
}
