import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const file = z.object({ size: z.int().min(0), sha256 });

/** `manifest.json` of a local kernel: `kernels/<name>/`. */
export const kernelManifestSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  arch: z.literal("amd64"),
  distro: z.string(),
  /** What `uname -r` prints in a machine that booted it. */
  release: z.string(),
  /** The package and its version. */
  source: z.string(),
  /** What its machines lack, of one that was imported. */
  warnings: z.array(z.string()).optional(),
  files: z.object({
    vmlinuz: file,
    /** cpio newc: what the agent loads before it has disks. The agent itself is put in front of it (`bootFiles`). */
    "modules.cpio": file,
    /** Read-only ext4 that is mounted on /lib/modules/<release>. */
    "modules.ext4": file,
  }),
  createdAt: z.iso.datetime(),
});
export type KernelManifest = z.infer<typeof kernelManifestSchema>;

/** A kernel as the API shows it. Of one that cannot be used, only what could be read of it is there. */
export const kernelSchema = kernelManifestSchema
  .partial({ distro: true, release: true, source: true, files: true, createdAt: true })
  .extend({
    /** Bytes occupied on the host. */
    used: z.int(),
    /** Set when the entry exists but cannot be used. */
    problem: z.string().optional(),
  });
export type Kernel = z.infer<typeof kernelSchema>;

/** One entry of the kernel catalog. */
export const kernelCatalogEntrySchema = z.object({
  name: z.string(),
  description: z.string(),
  arch: z.literal("amd64"),
  source: z.object({
    kind: z.literal("debian"),
    suite: z.string(),
    /** The metapackage whose dependency is the kernel itself. */
    package: z.string(),
  }),
});
export type KernelCatalogEntry = z.infer<typeof kernelCatalogEntrySchema>;

/** A catalog entry with what is known of it locally. */
export const availableKernelSchema = kernelCatalogEntrySchema.extend({
  state: z.enum(["local", "available", "broken"]),
});
export type AvailableKernel = z.infer<typeof availableKernelSchema>;
