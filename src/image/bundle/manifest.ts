import type { z } from "zod";
import { fault, messageOf } from "../../lib/errors/error.ts";
import { type ImageManifest, imageManifestSchema } from "../../model/image.ts";

/** That of an image, without what is true on one host only. */
export const bundleManifestSchema = imageManifestSchema.extend({
  rootfs: imageManifestSchema.shape.rootfs.omit({ mtime: true }),
});
export type BundleManifest = z.infer<typeof bundleManifestSchema>;

export function formatBundleManifest({ rootfs, ...rest }: ImageManifest): Buffer {
  const { mtime: _, ...file } = rootfs;
  return Buffer.from(`${JSON.stringify({ ...rest, rootfs: file }, null, 2)}\n`);
}

/** @throws bundle_invalid */
export function parseBundleManifest(bytes: Buffer): BundleManifest {
  let data: unknown;
  try {
    data = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw fault("bundle_invalid", { problem: `its manifest.json is not JSON: ${messageOf(error)}` }, error);
  }
  const parsed = bundleManifestSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  const problem = `its manifest.json is not valid: ${where}${issue?.message ?? "no reason given"}`;
  throw fault("bundle_invalid", { problem }, parsed.error);
}
