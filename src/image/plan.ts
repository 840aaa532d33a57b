import { rm } from "node:fs/promises";
import type { Context } from "../lib/context.ts";
import { asFault, type BangerError, fault, isFault } from "../lib/errors/error.ts";
import type { ImageCatalogEntry, ImageCatalogSource } from "../model/image.ts";
import { formatReference, type OciReference, parseReference } from "./oci/reference.ts";
import type { OciRequest } from "./oci/source.ts";
import type { BuiltRootfs, RootfsSource } from "./source.ts";
import type { ImageDescription } from "./store/store.ts";

/** A way to make an image for each kind of source that the catalog may name. */
export interface ImageSources {
  debian: RootfsSource<"debian">;
  oci?: RootfsSource<"oci">;
  bundle?: RootfsSource<"bundle">;
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

/**
 * Tries the sources in their order. That one fails is said; when all do, the error says of each why.
 *
 * @throws image_sources_failed, with a single source what that throws
 */
async function build(
  wanted: ImageCatalogEntry,
  sources: ImageSources,
  rootfs: string,
  context: Context,
): Promise<BuiltRootfs & { kind: string }> {
  const failures: BangerError[] = [];
  for (const source of wanted.sources) {
    try {
      const built = await buildFrom(source, wanted.name, sources, rootfs, context);
      return { kind: source.kind, ...built };
    } catch (error) {
      if (isFault(error, "interrupted", "no_space", "directory_not_writable")) throw error;
      const failure = asFault(error);
      failures.push(failure);
      await rm(rootfs, { force: true });
      if (wanted.sources.length === failures.length) break;
      const message = `source ${source.kind} of ${wanted.name} failed, trying the next: ${failure.message}`;
      context.report({ stage: "image.source", state: "note", message });
    }
  }
  const [only] = failures;
  if (only && failures.length === 1) throw only;
  const reasons = failures.map(({ message }, i) => `${wanted.sources[i]?.kind}: ${message}`);
  throw fault("image_sources_failed", { name: wanted.name, failures: reasons }, failures.at(-1));
}

async function buildFrom(
  source: ImageCatalogSource,
  name: string,
  { debian, oci, bundle }: ImageSources,
  rootfs: string,
  context: Context,
): Promise<BuiltRootfs> {
  if (source.kind === "debian") return await debian.build(name, source, rootfs, context);
  if (source.kind === "oci" && oci) return await oci.build(name, source, rootfs, context);
  if (source.kind === "bundle" && bundle) return await bundle.build(name, source, rootfs, context);
  const reason = "this daemon was not given a way to use it";
  throw fault("unsupported_here", { what: `the source ${source.kind}`, reason });
}
