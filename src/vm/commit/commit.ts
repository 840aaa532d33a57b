import type { ImageDescription } from "../../image/store/store.ts";
import { type Context, step } from "../../lib/context.ts";
import { fault } from "../../lib/errors/error.ts";
import type { Image, ImageConfig, ImageManifest } from "../../model/image.ts";
import type { VmRecord } from "../../store/vm-repository.ts";
import type { VmParts } from "../parts.ts";
import { withSealedDisk } from "./seal.ts";

/** What an image says of itself beyond what it takes over from the one that its machine was made of. */
export interface ImageChanges {
  readonly kind: "commit" | "build";
  readonly detail: string;
  /** Added to those of the machine's image. */
  readonly env?: readonly string[];
  readonly steps?: readonly string[];
}

/**
 * Makes an image of the disk of a machine that does not run. The lock of the machine is held by the caller. The disk stays as it is.
 *
 * @throws image_exists, image_not_found, image_broken, invalid_value, vm_disk_missing, no_space, interrupted, and what
 *   `withSealedDisk` throws
 */
export async function commitDisk(
  parts: VmParts,
  record: VmRecord,
  image: string,
  context: Context,
): Promise<Image> {
  return await parts.images.make(
    image,
    async (rootfs, scoped) => {
      const detail = `vm ${record.name} of ${record.image.name}`;
      return await writeImage(parts, record, { kind: "commit", detail }, rootfs, scoped);
    },
    context,
  );
}

/** Writes the disk of a machine as the root file system of an image. Throws as `commitDisk`. */
export async function writeImage(
  parts: VmParts,
  record: VmRecord,
  changes: ImageChanges,
  rootfs: string,
  context: Context,
): Promise<ImageDescription> {
  const { disk, name, kernel } = record;
  if (!disk) throw fault("vm_disk_missing", { name });
  const { manifest } = await parts.images.ensure(record.image.id, context);
  await withSealedDisk(parts, { name, kernel, disk }, context, (sealed) =>
    step(context, "disk.flatten", "writing the root file system", () =>
      parts.driver.flattenDisk({ disk: sealed, size: disk.size, target: rootfs }, context),
    ),
  );
  return descriptionOf(record, manifest, changes);
}

function descriptionOf(
  { id, name, kernel }: VmRecord,
  base: ImageManifest,
  { kind, detail, env = [], steps }: ImageChanges,
): ImageDescription {
  const { arch, distro, init, config } = base;
  const image = { id: base.id, name: base.name, sha256: base.rootfs.sha256 };
  return {
    arch,
    distro,
    kernel,
    ...(init === undefined ? {} : { init }),
    ...(config || env.length > 0 ? { config: withVariables(config, env) } : {}),
    source: { kind, detail },
    origin: { image, vm: { id, name }, ...(steps ? { steps: [...steps] } : {}) },
  };
}

/** The last one of a name counts, and takes the place of the first. */
function withVariables(config: ImageConfig | undefined, added: readonly string[]): ImageConfig {
  const present = config ?? { env: [], entrypoint: [], cmd: [] };
  const variables = new Map([...present.env, ...added].map((one) => [one.split("=", 1)[0], one]));
  return { ...present, env: [...variables.values()] };
}
