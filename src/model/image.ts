import { z } from "zod";

/** How the maker of an image wants its programs run (the `config` of an OCI image). */
export const imageConfigSchema = z.object({
  /** `KEY=value` */
  env: z.array(z.string()),
  /** `name`, `uid`, `name:group` or `uid:gid`. Default: root. */
  user: z.string().optional(),
  workdir: z.string().optional(),
  /** Words that come before the command of `vm run`. */
  entrypoint: z.array(z.string()),
  /** The command when none is given; a machine opens a shell instead. */
  cmd: z.array(z.string()),
});
export type ImageConfig = z.infer<typeof imageConfigSchema>;

/** What an image that was made on this host was made from. */
export const imageOriginSchema = z.object({
  image: z.object({ id: z.string(), name: z.string(), sha256: z.string() }),
  /** The machine whose disk it was; that of a build is gone. */
  vm: z.object({ id: z.string(), name: z.string() }).optional(),
  /** What a build did, in its order, as one would write it on the command line. */
  steps: z.array(z.string()).optional(),
});
export type ImageOrigin = z.infer<typeof imageOriginSchema>;

/** `manifest.json` of a local image: `images/<id>/`. */
export const imageManifestSchema = z.object({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string(),
  arch: z.literal("amd64"),
  distro: z.string(),
  /** Name of the kernel that machines of this image boot by default. */
  kernel: z.string(),
  /** Program that becomes PID 1; absent when the image has none and the agent's own init serves. */
  init: z.string().optional(),
  /** Only of images that came with one. */
  config: imageConfigSchema.optional(),
  rootfs: z.object({
    file: z.literal("rootfs.ext4"),
    /** Apparent size in bytes: that of the file system. */
    size: z.int().min(1),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** Milliseconds since the epoch when the file was complete. A file of another time is hashed before it is used. */
    mtime: z.number(),
  }),
  source: z.object({ kind: z.string(), detail: z.string() }),
  /** Only of images that were made of another one. */
  origin: imageOriginSchema.optional(),
  createdAt: z.iso.datetime(),
});
export type ImageManifest = z.infer<typeof imageManifestSchema>;

/** An image as the API shows it: its manifest, of which a broken entry has as much as can be read. */
export const imageSchema = imageManifestSchema.partial().extend({
  id: z.string(),
  /** The id, when a broken entry does not tell its name. */
  name: z.string(),
  /** Bytes occupied on the host. */
  used: z.int(),
  /** Set when the entry exists but cannot be used. */
  problem: z.string().optional(),
});
export type Image = z.infer<typeof imageSchema>;

/** One entry of the image catalog. */
export const imageCatalogEntrySchema = z.object({
  name: z.string(),
  description: z.string(),
  arch: z.literal("amd64"),
  distro: z.string(),
  kernel: z.string(),
  sources: z
    .array(z.discriminatedUnion("kind", [z.object({ kind: z.literal("debian"), recipe: z.string() })]))
    .min(1),
});
export type ImageCatalogEntry = z.infer<typeof imageCatalogEntrySchema>;
