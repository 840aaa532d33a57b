import { dirname } from "node:path";
import { Coalescer } from "../lib/coalesce.ts";
import { type Context, step } from "../lib/context.ts";
import { fault } from "../lib/errors/error.ts";
import type { ImagePrune } from "../model/api/answers.ts";
import type { AvailableImage, Image, ImageCatalogEntry, ImageManifest } from "../model/image.ts";
import { BundleReader } from "./bundle/read.ts";
import { surveyFile } from "./bundle/survey.ts";
import { writeBundle } from "./bundle/write.ts";
import { imageCatalog } from "./catalog.ts";
import type { CatalogShelf } from "./catalogs/shelf.ts";
import { inspectExt4 } from "./ext4/inspect.ts";
import { isDirectory, type RegisterRequest, registerDirectory, registerFile } from "./local/register.ts";
import { isExplicitReference } from "./oci/reference.ts";
import {
  type ImageSources,
  type PullPlan,
  type PullRequest,
  planCatalogPull,
  planRegistryPull,
  type RegistrySource,
} from "./plan.ts";
import { checkImageName, isIdPrefix } from "./reference.ts";
import { brokenFault, type Entry, imageOf } from "./store/entry.ts";
import { canBeHadAgain, deletedName, isDeleted } from "./store/fate.ts";
import { type ImageDescription, ImageStore } from "./store/store.ts";

export interface ImageServiceOptions {
  /** Where the images live. */
  directory: string;
  sources: ImageSources;
  /** Images of registries; without it only the catalog's can be had. */
  oci?: RegistrySource;
  /** Default: the catalog of this package. */
  catalog?: readonly ImageCatalogEntry[];
  /** Further catalogs, asked after that one. */
  shelf?: CatalogShelf;
}

export interface LoadRequest {
  /** Default: that in the bundle. */
  name?: string | undefined;
  /** That its machines boot. Default: that in the bundle. */
  kernel?: string | undefined;
}

/** Writes a root file system to a path that does not exist, and says what it is. */
export type FillImage = (rootfs: string, context: Context) => Promise<ImageDescription>;

/** What the catalog of this package is called among others. */
const ownCatalog = "banger";
/** Names of the machines whose disks are based on the image with an id. */
export type UsedBy = (id: string) => string[];

export interface PruneOptions {
  /** Also those that nothing brings back. */
  all: boolean;
  /** Only say what would be done. */
  dryRun: boolean;
}

/** Of an image for which nobody names one. */
const usualKernel = "generic-6.1";

export interface UsableImage {
  manifest: ImageManifest;
  /** Raw ext4, never to be written to. */
  rootfs: string;
}

/** The local images and, when one is missing, the catalog that it can be had from. */
export class ImageService {
  readonly #store: ImageStore;
  readonly #sources: ImageSources;
  readonly #oci: RegistrySource | undefined;
  readonly #catalog: readonly ImageCatalogEntry[];
  readonly #shelf: CatalogShelf | undefined;
  readonly #pulls = new Coalescer<Entry>();

  constructor(options: ImageServiceOptions) {
    this.#store = new ImageStore(options.directory);
    this.#sources = options.sources;
    this.#oci = options.oci;
    this.#catalog = options.catalog ?? imageCatalog;
    this.#shelf = options.shelf;
  }

  /** Removes what an earlier process left half-made. */
  async removeLeftovers(): Promise<void> {
    await this.#store.removeLeftovers();
    for (const source of Object.values(this.#sources)) await source.removeLeftovers();
    await this.#shelf?.removeLeftovers();
    await this.#oci?.removeLeftovers();
  }

  /** The entries of all catalogs, each name once and that of this package first, with what is local of them. */
  async available(context: Context): Promise<AvailableImage[]> {
    const local = new Map((await this.#store.list()).map((entry) => [entry.name, entry]));
    const own = this.#catalog.map((entry) => ({ catalog: ownCatalog, entry }));
    const names = new Set(this.#catalog.map(({ name }) => name));
    const further = (await this.#shelf?.entries(context)) ?? [];
    return [...own, ...further.filter(({ entry }) => !names.has(entry.name))].map(({ catalog, entry }) => {
      const state = local.get(entry.name)?.content.state;
      return {
        ...entry,
        catalog,
        state: state === undefined ? "available" : state === "good" ? "local" : state,
      };
    });
  }

  async list(): Promise<Image[]> {
    return (await this.#store.list()).map(imageOf);
  }

  /** @param ref a name, an id or the beginning of an id. @throws image_not_found, image_ambiguous */
  async show(ref: string): Promise<Image> {
    return imageOf(await this.#get(ref));
  }

  /** Hashes the whole disk of an image. @throws image_not_found, image_ambiguous, image_broken, interrupted */
  async verify(ref: string, signal: AbortSignal): Promise<Image> {
    const entry = await this.#get(ref);
    await this.#store.verify(entry, signal);
    return imageOf(entry);
  }

  /**
   * The image to make a machine from: the local one; else that of the catalog, pulled; else, for a name with a registry or a tag in
   * it, that of the registry; else the error says that there is none. A broken local one is the error, and nothing is fetched
   * over it.
   *
   * @throws image_not_found, image_reference_invalid, image_ambiguous, image_broken, interrupted, and what pulling throws
   */
  async ensure(ref: string, context: Context): Promise<UsableImage> {
    const local = await this.#find(ref);
    if (local) return await this.#store.open(local, context.signal);
    const plan = await this.#plan(ref, {}, false, context);
    checkImageName(plan.name);
    return await this.#store.open(await this.#pull(plan, context), context.signal);
  }

  /**
   * Makes an image local: that of the catalog, or else the one of a registry that the name refers to.
   *
   * @throws invalid_value, image_exists, image_broken, image_not_found, image_reference_invalid, bad_usage, interrupted, and what
   *   the sources throw
   */
  async pull(ref: string, context: Context, request: PullRequest = {}): Promise<Image> {
    await this.#mustBeFree(checkImageName(request.as ?? ref));
    const plan = await this.#plan(ref, request, true, context);
    return imageOf(await this.#pull(plan, context));
  }

  /**
   * An image as a bundle, once its whole disk has been found right.
   *
   * @throws image_not_found, image_ambiguous, image_broken, interrupted; while it is read, also errors of the file
   */
  async save(ref: string, { signal }: Context): Promise<AsyncGenerator<Buffer>> {
    const { manifest, rootfs } = await this.#store.open(await this.#get(ref), signal);
    const { sha256, ranges } = await surveyFile(rootfs, signal);
    if (sha256 !== manifest.rootfs.sha256) {
      const problem = `its rootfs.ext4 has SHA-256 ${sha256}, expected ${manifest.rootfs.sha256}`;
      throw fault("image_broken", { name: manifest.name, path: dirname(rootfs), problem });
    }
    return writeBundle(manifest, rootfs, ranges, signal);
  }

  /**
   * Makes an image of a bundle: whole, or not at all. It gets an id of its own.
   *
   * @throws invalid_value, image_exists, image_broken, and what `readBundle` throws
   */
  async load(bundle: AsyncIterable<Uint8Array>, context: Context, request: LoadRequest = {}): Promise<Image> {
    // Refused before anything is read, when that is possible.
    if (request.name !== undefined) await this.#mustBeFree(checkImageName(request.name));
    await using reader = await BundleReader.open(bundle, context.signal);
    const { id, name: ownName, source, version: _, createdAt: __, rootfs: file, ...rest } = reader.manifest;
    const name = checkImageName(request.name ?? ownName);
    using _lock = await this.#store.lock(name, context.signal);
    await this.#mustBeFree(name);
    const fill = async (rootfs: string): Promise<ImageDescription> => {
      await reader.writeRootfs(rootfs, context);
      const detail = `${ownName} (${id}), which came from ${source.kind}: ${source.detail}`;
      const kernel = request.kernel ?? rest.kernel;
      return { ...rest, kernel, source: { kind: "bundle", detail }, sha256: file.sha256 };
    };
    return imageOf(await this.#store.create(name, fill, context));
  }

  /**
   * Makes an image of the root file system that `fill` writes to a path that does not exist. Who wants the same name meanwhile
   * waits.
   *
   * @throws invalid_value, image_exists, image_broken, no_space, directory_not_writable, interrupted, and what `fill` throws
   */
  async make(name: string, fill: FillImage, context: Context): Promise<Image> {
    checkImageName(name);
    await this.#mustBeFree(name);
    using _lock = await this.#store.lock(name, context.signal);
    await this.#mustBeFree(name);
    const checked = async (rootfs: string): Promise<ImageDescription> => {
      const description = await fill(rootfs, context);
      const { clean } = await inspectExt4(rootfs);
      if (!clean) throw fault("image_file_invalid", { path: rootfs, problem: "was not unmounted in order" });
      return description;
    };
    return imageOf(await this.#store.create(name, checked, context));
  }

  /**
   * Makes an image of what the user has: a directory is written into the store, a raw file with an ext4 file system is used where it
   * is, and checked before every use as it was then.
   *
   * @throws image_file_missing, image_file_invalid, image_exists, invalid_value, bad_usage, and what `writeDirectory` throws
   */
  async register(name: string, request: RegisterRequest, context: Context): Promise<Image> {
    const kernel = usualKernel;
    if (await isDirectory(request.path)) {
      const fill: FillImage = (rootfs, scoped) => registerDirectory(request, kernel, rootfs, scoped);
      return await this.make(name, fill, context);
    }
    checkImageName(name);
    await this.#mustBeFree(name);
    using _lock = await this.#store.lock(name, context.signal);
    await this.#mustBeFree(name);
    const description = await registerFile(request, kernel);
    return imageOf(await this.#store.adopt(name, request.path, description, context));
  }

  /**
   * Copies the file of an image that is used where it is into the store. Refused while machines are based on it there.
   *
   * @throws image_not_found, image_ambiguous, image_broken, image_bound, no_space, interrupted
   */
  async promote(ref: string, usedBy: UsedBy, context: Context): Promise<Image> {
    const entry = await this.#get(ref);
    const name = entry.name ?? entry.id;
    const vms = usedBy(entry.id);
    if (vms.length > 0) throw fault("image_bound", { name, vms });
    using _lock = await this.#store.lock(name, context.signal);
    const message = `copying ${name} into the store`;
    const done = await step(context, "image.promote", message, () => this.#store.promote(entry, context));
    return await this.show(done.id);
  }

  /**
   * Gives an image another name. Machines of it go on as they are: they know it by its id.
   *
   * @throws invalid_value, image_not_found, image_ambiguous, image_broken, image_exists, interrupted
   */
  async rename(ref: string, name: string, { signal }: Context): Promise<Image> {
    checkImageName(name);
    return imageOf(await this.#rename(await this.#get(ref), name, signal));
  }

  /**
   * Refused while the disk of a machine is based on it. With `force` it loses its name at once, which is free again, and its files
   * stay for these machines; `sweep` removes them after the last one.
   *
   * @param usedBy names of the machines whose disks are based on the image with an id
   * @throws image_not_found, image_ambiguous, image_in_use, directory_not_writable
   */
  async remove(
    ref: string,
    usedBy: UsedBy,
    options: { force?: boolean } = {},
  ): Promise<{ id: string; freed: number }> {
    const entry = await this.#get(ref);
    const vms = usedBy(entry.id);
    if (vms.length === 0) {
      await this.#store.remove(entry);
      return { id: entry.id, freed: entry.used };
    }
    if (!options.force) throw fault("image_in_use", { name: entry.name ?? entry.id, vms, templates: [] });
    if (!isDeleted(entry)) await this.#rename(entry, deletedName(entry));
    return { id: entry.id, freed: 0 };
  }

  /** Removes the files of images that were deleted while machines used them, where no machine does any more. */
  async sweep(usedBy: UsedBy): Promise<void> {
    for (const entry of await this.#store.list()) {
      if (isDeleted(entry) && usedBy(entry.id).length === 0) await this.#store.remove(entry);
    }
  }

  /**
   * Removes images that no machine is based on: those that can be had again from where they came, with `all` also those that were made
   * here.
   *
   * @throws directory_not_writable
   */
  async prune({ all, dryRun }: PruneOptions, usedBy: UsedBy): Promise<ImagePrune> {
    const entries = await this.#store.list();
    const chosen = entries.filter((entry) => (all || canBeHadAgain(entry)) && usedBy(entry.id).length === 0);
    if (!dryRun) for (const entry of chosen) await this.#store.remove(entry);
    const deleted = chosen.map(({ id, name = id, used }) => ({ id, name, used }));
    return { deleted, freed: deleted.reduce((sum, { used }) => sum + used, 0), dryRun };
  }

  async #rename(entry: Entry, name: string, signal = new AbortController().signal): Promise<Entry> {
    const names = [...new Set([entry.name ?? entry.id, name])].sort();
    using locks = new DisposableStack();
    for (const one of names) locks.use(await this.#store.lock(one, signal));
    await this.#mustBeFree(name);
    return await this.#store.rename(entry, name);
  }

  async #get(ref: string): Promise<Entry> {
    const entry = await this.#find(ref);
    if (!entry) throw await this.#notFound(ref);
    return entry;
  }

  /** A name counts before an id. */
  async #find(ref: string): Promise<Entry | undefined> {
    const entries = await this.#store.list();
    const exact = entries.filter((entry) => entry.name === ref || entry.id === ref);
    const matching =
      exact.length > 0 || !isIdPrefix(ref) ? exact : entries.filter((entry) => entry.id.startsWith(ref));
    if (matching.length > 1) throw fault("image_ambiguous", { ref, ids: matching.map((entry) => entry.id) });
    const [found] = matching;
    if (found) return found;
    // An entry that does not tell its name may be the very one.
    const nameless = entries.find((entry) => entry.name === undefined);
    if (nameless?.content.state === "broken") throw brokenFault(nameless, nameless.content);
    return undefined;
  }

  /** @throws image_exists, image_broken */
  async #mustBeFree(name: string): Promise<void> {
    const entries = await this.#store.list();
    const taken = entries.find((entry) => entry.name === name || entry.name === undefined);
    if (taken?.content.state === "broken") throw brokenFault(taken, taken.content);
    if (taken) throw fault("image_exists", { name, id: taken.id });
  }

  async #notFound(name: string): Promise<Error> {
    const local = (await this.#store.list()).map((entry) => entry.name ?? entry.id);
    const further = (await this.#shelf?.known()) ?? [];
    const available = [...new Set([...local, ...this.#catalog.map((entry) => entry.name), ...further])];
    return fault("image_not_found", { name, available: available.toSorted() });
  }

  /** What to do for a name that is not local. @throws image_not_found, image_reference_invalid, bad_usage */
  async #plan(ref: string, request: PullRequest, isAskedFor: boolean, context: Context): Promise<PullPlan> {
    const entry = this.#catalog.find(({ name }) => name === ref) ?? (await this.#onShelf(ref, context));
    if (entry) return planCatalogPull(entry, this.#sources, request);
    if (!this.#oci || !(isAskedFor || isExplicitReference(ref))) throw await this.#notFound(ref);
    return planRegistryPull(ref, this.#oci, request);
  }

  /** Only a bare name can be one of a catalog; for a reference nobody is asked. */
  async #onShelf(ref: string, context: Context): Promise<ImageCatalogEntry | undefined> {
    return isExplicitReference(ref) ? undefined : await this.#shelf?.find(ref, context);
  }

  async #pull(plan: PullPlan, context: Context): Promise<Entry> {
    return await this.#pulls.run(plan.name, context, (shared) =>
      step(shared, "image.pull", plan.message, () => this.#make(plan, shared)),
    );
  }

  async #make({ name, make }: PullPlan, context: Context): Promise<Entry> {
    using _lock = await this.#store.lock(name, context.signal);
    // Another process may have made it while this one waited.
    const present = await this.#find(name);
    if (present?.content.state === "broken") throw brokenFault(present, present.content);
    if (present) return present;
    return await this.#store.create(name, (rootfs) => make(rootfs, context), context);
  }
}
