import { Coalescer } from "../lib/coalesce.ts";
import { type Context, step } from "../lib/context.ts";
import { fault } from "../lib/errors/error.ts";
import type { Image, ImageCatalogEntry, ImageManifest } from "../model/image.ts";
import { imageCatalog } from "./catalog.ts";
import { inspectExt4 } from "./ext4/inspect.ts";
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
import { type ImageDescription, ImageStore } from "./store/store.ts";

export interface ImageServiceOptions {
  /** Where the images live. */
  directory: string;
  sources: ImageSources;
  /** Images of registries; without it only the catalog's can be had. */
  oci?: RegistrySource;
  /** Default: the catalog of this package. */
  catalog?: readonly ImageCatalogEntry[];
}

/** Writes a root file system to a path that does not exist, and says what it is. */
export type FillImage = (rootfs: string, context: Context) => Promise<ImageDescription>;

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
  readonly #pulls = new Coalescer<Entry>();

  constructor(options: ImageServiceOptions) {
    this.#store = new ImageStore(options.directory);
    this.#sources = options.sources;
    this.#oci = options.oci;
    this.#catalog = options.catalog ?? imageCatalog;
  }

  /** Removes what an earlier process left half-made. */
  async removeLeftovers(): Promise<void> {
    await this.#store.removeLeftovers();
    for (const source of Object.values(this.#sources)) await source.removeLeftovers();
    await this.#oci?.removeLeftovers();
  }

  /** The catalog's entries. */
  available(): ImageCatalogEntry[] {
    return [...this.#catalog];
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
    const plan = await this.#plan(ref, {}, false);
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
    const name = checkImageName(request.as ?? ref);
    const local = await this.#find(name);
    if (local?.content.state === "broken") throw brokenFault(local, local.content);
    if (local) throw fault("image_exists", { name, id: local.id });
    const plan = await this.#plan(ref, request, true);
    return imageOf(await this.#pull(plan, context));
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
   * @param usedBy names of the machines whose disks are based on the image with an id
   * @throws image_not_found, image_ambiguous, image_in_use, directory_not_writable
   */
  async remove(ref: string, usedBy: (id: string) => string[]): Promise<{ id: string; freed: number }> {
    const entry = await this.#get(ref);
    const vms = usedBy(entry.id);
    if (vms.length > 0) throw fault("image_in_use", { name: entry.name ?? entry.id, vms });
    await this.#store.remove(entry);
    return { id: entry.id, freed: entry.used };
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
    const available = [...new Set([...local, ...this.#catalog.map((entry) => entry.name)])];
    return fault("image_not_found", { name, available: available.toSorted() });
  }

  /** What to do for a name that is not local. @throws image_not_found, image_reference_invalid, bad_usage */
  async #plan(ref: string, request: PullRequest, isAskedFor: boolean): Promise<PullPlan> {
    const entry = this.#catalog.find(({ name }) => name === ref);
    if (entry) return planCatalogPull(entry, this.#sources, request);
    if (!this.#oci || !(isAskedFor || isExplicitReference(ref))) throw await this.#notFound(ref);
    return planRegistryPull(ref, this.#oci, request);
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
