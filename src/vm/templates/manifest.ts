import { createHash } from "node:crypto";
import { z } from "zod";
import { vmSpecSchema } from "../../model/vm.ts";

/** The files of a template beside its manifest. */
export const templateFiles = { memory: "memory", state: "state", disk: "disk.qcow2" } as const;

const fileSchema = z.object({ size: z.int(), mtime: z.number() });

export const templateManifestSchema = z.object({
  version: z.literal(1),
  /** The first 12 digits of `key`, and again of the key with the disk's size. */
  id: z.string().regex(/^[0-9a-f]{12}$/),
  /** Digest of all that a machine must have in common with it; its disk may be larger. */
  key: z.string(),
  image: z.object({ id: z.string(), name: z.string() }),
  kernel: z.string(),
  spec: vmSpecSchema,
  accelerator: z.enum(["kvm", "tcg"]),
  createdAt: z.iso.datetime(),
  /** Milliseconds that making it took. */
  took: z.number(),
  /** How the files were when it was finished: one that is otherwise is damaged. */
  files: z.object({ memory: fileSchema, state: fileSchema.extend({ sha256: z.string() }), disk: fileSchema }),
});

export type TemplateManifest = z.infer<typeof templateManifestSchema>;

/** @param snapshotKey what the driver says of the machine */
export function templateKey(imageId: string, snapshotKey: string): string {
  return createHash("sha256")
    .update(JSON.stringify(["template 1", imageId, snapshotKey]))
    .digest("hex");
}

export function templateId(key: string, disk: number): string {
  return createHash("sha256")
    .update(JSON.stringify([key, disk]))
    .digest("hex")
    .slice(0, 12);
}
