import { rm } from "node:fs/promises";
import type { Context } from "../lib/context.ts";
import { asFault, fault, isFault } from "../lib/errors/error.ts";
import type { ImageCatalogEntry } from "../model/image.ts";
import { formatReference, type OciReference, parseReference } from "./oci/reference.ts";
import type { OciRequest } from "./oci/source.ts";
import type { BuiltRootfs, RootfsSource } from "./source.ts";
import type { ImageDescription } from "./store/store.ts";

/** A way to make an image for each kind of source that the catalog may name. */
export interface ImageSources {
  debian: RootfsSource<"debian">;
}

/** A way to make an image of what a registry has (`OciSource`). */
export interface RegistrySource {
  /** Removes what an earlier process has left unfinished. */
  removeLeftovers(): Promise<void>;
  build(
    reference: OciReference,
    request: OciRequest,
    path: string,
    context: Context,
  ): Promise<ImageDescription>;
}

export interface PullRequest extends OciRequest {
  /** Name of the local image. Default: what was asked for. */
  as?: string | undefined;
}

/** How an image is going to be made. */
export interface PullPlan {
  /** Of the local image. */
  name: string;
  /** What a person is told of it. */
  message: string;
  /** Writes the root file system to a path that does not exist. */
  make: (rootfs: string, context: Context) => Promise<ImageDescription>;
}

/** @throws bad_usage when more is asked for than the catalog can give */
export function planCatalogPull(
  entry: ImageCatalogEntry,
  sources: ImageSources,
  { as = entry.name, kernel = entry.kernel, ...rest }: PullRequest,
): PullPlan {
  const { name, arch, distro } = entry;
  if (rest.size !== undefined || rest.insecure || (rest.platform ?? "linux/amd64") !== "linux/amd64") {
    const problem = `${name} is an image of the catalog, for which there is no --platform, --size and --insecure`;
    throw fault("bad_usage", { problem, command: "image pull" });
  }
  const make = async (rootfs: string, context: Context): Promise<ImageDescription> => {
    const { kind, detail, ...built } = await build(entry, sources, rootfs, context);
    return { arch, distro, kernel, ...built, source: { kind, detail } };
  };
  return { name: as, message: `pulling ${name} from the image catalog`, make };
}

/** @throws image_reference_invalid */
export function planRegistryPull(ref: string, oci: RegistrySource, request: PullRequest): PullPlan {
  const reference = parseReference(ref);
  const { as = ref, ...rest } = request;
  const make = (rootfs: string, context: Context): Promise<ImageDescription> =>
    oci.build(reference, rest, rootfs, context);
  return { name: as, message: `pulling ${formatReference(reference)}`, make };
}

/** Tries the sources in their order; the last one's failure is the one that is reported. */
async function build(
  wanted: ImageCatalogEntry,
  sources: ImageSources,
  rootfs: string,
  context: Context,
): Promise<BuiltRootfs & { kind: string }> {
  const failures: unknown[] = [];
  for (const source of wanted.sources) {
    try {
      const built = await sources[source.kind].build(wanted.name, source, rootfs, context);
      return { kind: source.kind, ...built };
    } catch (error) {
      if (isFault(error, "interrupted", "no_space", "directory_not_writable")) throw error;
      failures.push(error);
      await rm(rootfs, { force: true });
    }
  }
  throw asFault(failures.at(-1));
}
