import { createHash } from "node:crypto";
import { join } from "node:path";
import type { z } from "zod";
import type { Context } from "../../lib/context.ts";
import { fault, messageOf } from "../../lib/errors/error.ts";
import { DownloadCache } from "../../lib/http/cache.ts";
import type { HttpGetter } from "../../lib/http/client.ts";
import { fetchDocument } from "../../lib/http/download.ts";
import { inParallel } from "../../lib/parallel.ts";
import type { WantedLayer } from "./layer-store.ts";
import {
  configSchema,
  configTypes,
  type Descriptor,
  indexSchema,
  indexTypes,
  isLayerType,
  manifestSchema,
  manifestTypes,
  type OciConfig,
  type OciManifest,
  type Platform,
} from "./manifest.ts";
import { checkPlatform, choosePlatform } from "./platform.ts";
import { formatReference, type OciReference } from "./reference.ts";
import { Registry, type RegistryOptions, registryFault } from "./registry.ts";

export interface FetchOptions extends RegistryOptions {
  platform: Platform;
  http: HttpGetter;
  /** Directory of the blobs, which is shared by all images: a file for each, named by its SHA-256. */
  blobs: string;
}

export interface FetchedImage<T> {
  /** Digest of the manifest. */
  digest: string;
  config: OciConfig;
  /** What was made of each layer, the lowest first. */
  layers: T[];
}

interface Document {
  bytes: Buffer;
  mediaType: string;
  digest: string;
}

const documentLimit = 8 * 2 ** 20;
/** Layers on their way at once. */
const parallelLayers = 4;

/**
 * Fetches an image. Every byte is checked against its digest; what is in the cache already is not asked for again.
 *
 * @param use called with each layer, several at a time; whether it has to be fetched is up to it
 * @throws registry_unreachable, registry_denied, registry_not_found, registry_invalid, registry_bad_digest, registry_credentials,
 *   image_platform_missing, no_space, directory_not_writable, interrupted
 */
export async function fetchImage<T>(
  reference: OciReference,
  options: FetchOptions,
  context: Context,
  use: (layer: WantedLayer, context: Context) => Promise<T>,
): Promise<FetchedImage<T>> {
  try {
    const registry = await Registry.open(options.http, reference, options, context.signal);
    const image = new ImageFetch(reference, registry, context.signal);
    const { digest, manifest } = await image.manifest(options.platform);
    const config = await image.config(manifest, options.platform);
    const cache = new DownloadCache({ directory: options.blobs, http: registry });
    const progress = new LayerProgress(manifest.layers, context);
    const layers = await inParallel(
      manifest.layers,
      parallelLayers,
      context,
      async (layer, index, scoped) => {
        const fetch = async (wanted: Context): Promise<string> => {
          const path = await image.blob(cache, layer, progress.of(layer, wanted));
          progress.finished(layer);
          return path;
        };
        const used = await use(
          { fetch, size: layer.size, diffId: config.rootfs.diff_ids[index] ?? "" },
          scoped,
        );
        progress.finished(layer);
        return used;
      },
    );
    return { digest, config, layers };
  } catch (error) {
    throw registryFault(error, reference);
  }
}

/** Where the blobs are, in the cache directory of the program. */
export function blobDirectory(cache: string): string {
  return join(cache, "oci", "blobs", "sha256");
}

/** The documents of one image. */
class ImageFetch {
  readonly #reference: OciReference;
  readonly #registry: Registry;
  readonly #signal: AbortSignal;

  constructor(reference: OciReference, registry: Registry, signal: AbortSignal) {
    this.#reference = reference;
    this.#registry = registry;
    this.#signal = signal;
  }

  async manifest(platform: Platform): Promise<{ digest: string; manifest: OciManifest }> {
    const { tag, digest } = this.#reference;
    const first = await this.#document(this.#registry.manifestUrl(digest ?? tag ?? "latest"), digest);
    const found = isIndex(first) ? await this.#chosen(first, platform) : first;
    if (!manifestTypes.some((type) => type === found.mediaType)) {
      throw this.#invalid(`its manifest has the type ${found.mediaType || "none"}, which is not an image's`);
    }
    const manifest = this.#parse(manifestSchema, found, "manifest");
    if (!configTypes.some((type) => type === manifest.config.mediaType)) {
      throw this.#invalid(
        `it is not a system's: its configuration has the type ${manifest.config.mediaType}`,
      );
    }
    const strange = manifest.layers.find(({ mediaType }) => !isLayerType(mediaType));
    if (strange) throw this.#invalid(`a layer has the type ${strange.mediaType}, which is not known`);
    return { digest: found.digest, manifest };
  }

  async config({ config: descriptor, layers }: OciManifest, platform: Platform): Promise<OciConfig> {
    const found = await this.#document(this.#registry.blobUrl(descriptor.digest), descriptor.digest);
    const config = this.#parse(configSchema, found, "configuration");
    const count = config.rootfs.diff_ids.length;
    if (count !== layers.length) {
      throw this.#invalid(`it has ${layers.length} layers, and its configuration speaks of ${count}`);
    }
    checkPlatform(config, platform, formatReference(this.#reference));
    return config;
  }

  async blob(cache: DownloadCache, { digest, size }: Descriptor, context: Context): Promise<string> {
    const sha256 = digest.slice("sha256:".length);
    const file = { url: this.#registry.blobUrl(digest), name: sha256, sha256, size };
    return await cache.fetch(file, { stage: "image.layers", message: "downloading layers" }, context);
  }

  async #chosen(index: Document, platform: Platform): Promise<Document> {
    const parsed = this.#parse(indexSchema, index, "index");
    const { digest } = choosePlatform(parsed, platform, formatReference(this.#reference));
    return await this.#document(this.#registry.manifestUrl(digest), digest);
  }

  /** @param expected the digest; without one, the registry is taken at its word */
  async #document(url: string, expected: string | undefined): Promise<Document> {
    const accept = [...manifestTypes, ...indexTypes, "*/*"].join(", ");
    const options = { signal: this.#signal, headers: { accept } };
    const { bytes, headers } = await fetchDocument(this.#registry, url, documentLimit, options);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const announced = headers["docker-content-digest"];
    const wanted = expected ?? (typeof announced === "string" ? announced : digest);
    if (wanted.startsWith("sha256:") && wanted !== digest) {
      const reference = formatReference(this.#reference);
      throw fault("registry_bad_digest", { reference, expected: wanted, actual: digest });
    }
    return { bytes, digest, mediaType: mediaTypeOf(bytes, headers["content-type"]) };
  }

  #parse<Schema extends z.ZodType>(schema: Schema, document: Document, what: string): z.output<Schema> {
    try {
      const parsed = schema.safeParse(JSON.parse(document.bytes.toString("utf8")));
      if (parsed.success) return parsed.data;
      const [issue] = parsed.error.issues;
      throw this.#invalid(`its ${what} is malformed at ${issue?.path.join(".") || "its top"}`, parsed.error);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw this.#invalid(`its ${what} is not JSON: ${messageOf(error)}`, error);
    }
  }

  #invalid(problem: string, cause?: unknown): Error {
    return fault("registry_invalid", { reference: formatReference(this.#reference), problem }, cause);
  }
}

/** The document's own word comes before the server's: it is covered by the digest. */
function mediaTypeOf(bytes: Buffer, header: string | undefined): string {
  try {
    const { mediaType } = JSON.parse(bytes.toString("utf8")) as { mediaType?: unknown };
    if (typeof mediaType === "string" && mediaType !== "") return mediaType;
  } catch {
    // What it is instead of JSON is told when it is parsed for its content.
  }
  return (header ?? "").replace(/;.*$/s, "").trim();
}

function isIndex({ mediaType }: Document): boolean {
  return indexTypes.some((type) => type === mediaType);
}

/** One bar for all layers. */
class LayerProgress {
  readonly #context: Context;
  readonly #layers: readonly Descriptor[];
  readonly #total: number;
  readonly #received = new Map<string, number>();

  constructor(layers: readonly Descriptor[], context: Context) {
    this.#layers = layers;
    this.#context = context;
    this.#total = layers.reduce((sum, { size }) => sum + size, 0);
  }

  of({ digest }: Descriptor, { signal }: Context): Context {
    return {
      signal,
      report: ({ current = 0 }) => {
        this.#received.set(digest, Math.max(current, this.#received.get(digest) ?? 0));
        this.#tell();
      },
    };
  }

  finished({ digest, size }: Descriptor): void {
    this.#received.set(digest, size);
    this.#tell();
  }

  #tell(): void {
    this.#context.report({
      stage: "image.layers",
      state: "progress",
      message: "downloading layers",
      current: this.#layers.reduce((sum, { digest }) => sum + (this.#received.get(digest) ?? 0), 0),
      total: this.#total,
      unit: "bytes",
    });
  }
}
