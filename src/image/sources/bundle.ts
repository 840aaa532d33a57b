import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Context } from "../../lib/context.ts";
import { errnoOf, fault, isFault, messageOf } from "../../lib/errors/error.ts";
import type { DownloadCache } from "../../lib/http/cache.ts";
import type { ImageCatalogSource } from "../../model/image.ts";
import { BundleReader } from "../bundle/read.ts";
import { parseAddress } from "../catalogs/address.ts";
import type { BuiltRootfs, RootfsSource } from "../source.ts";

type BundleReference = Extract<ImageCatalogSource, { kind: "bundle" }>;

const pieceSize = 256 * 1024;

/** Bundles that a catalog names: by https or in a file, with their hash. */
export class BundleSource implements RootfsSource<"bundle"> {
  readonly #downloads: Pick<DownloadCache, "fetch" | "remove">;

  constructor(options: { downloads: Pick<DownloadCache, "fetch" | "remove"> }) {
    this.#downloads = options.downloads;
  }

  async removeLeftovers(): Promise<void> {
    // What is half downloaded is gone on with; the cache removes it when it is old.
  }

  /** @throws catalog_source_invalid, bundle_invalid, archive_*, no_space, directory_not_writable, interrupted */
  async build(name: string, source: BundleReference, path: string, context: Context): Promise<BuiltRootfs> {
    const address = parseAddress(source.url);
    if (typeof address === "string") throw invalid(source, address);
    if (address.kind === "file") return await unpack(source, address.path, path, context);
    const wanted = {
      url: address.url,
      name: `bundle-${source.sha256}`,
      sha256: source.sha256,
      size: source.size,
    };
    const download = { stage: "image.download", message: `downloading ${name}` };
    const file = await this.#downloads.fetch(wanted, download, context);
    const built = await unpack(source, file, path, context);
    // The image is what was wanted of it.
    await this.#downloads.remove(wanted.name);
    return built;
  }
}

async function unpack(
  source: BundleReference,
  file: string,
  path: string,
  context: Context,
): Promise<BuiltRootfs> {
  await checkSize(source, file);
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const piece of createReadStream(file, { highWaterMark: pieceSize })) {
      hash.update(piece as Buffer);
      yield piece as Buffer;
    }
  }
  await using reader = await BundleReader.open(hashed(), context.signal);
  await reader.writeRootfs(path, context);
  const actual = hash.digest("hex");
  if (actual !== source.sha256) throw invalid(source, `it has SHA-256 ${actual}, expected ${source.sha256}`);
  const { init, config, rootfs } = reader.manifest;
  return {
    ...(init === undefined ? {} : { init }),
    ...(config === undefined ? {} : { config }),
    detail: source.url,
    sha256: rootfs.sha256,
  };
}

async function checkSize(source: BundleReference, file: string): Promise<void> {
  try {
    const status = await stat(file);
    if (!status.isFile()) throw invalid(source, "it is not a file");
    if (status.size !== source.size)
      throw invalid(source, `it has ${status.size} bytes, expected ${source.size}`);
  } catch (error) {
    if (isFault(error) || errnoOf(error) === undefined) throw error;
    const problem = errnoOf(error) === "ENOENT" ? "there is no such file" : messageOf(error);
    throw fault("catalog_source_invalid", { url: source.url, problem }, error);
  }
}

function invalid({ url }: BundleReference, problem: string): Error {
  return fault("catalog_source_invalid", { url, problem });
}
