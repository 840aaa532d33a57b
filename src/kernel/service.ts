import { join } from "node:path";
import type { DebianArchive } from "../debian/archive.ts";
import { Coalescer } from "../lib/coalesce.ts";
import { type Context, step } from "../lib/context.ts";
import { fault } from "../lib/errors/error.ts";
import type { AvailableKernel, Kernel, KernelCatalogEntry, KernelManifest } from "../model/kernel.ts";
import { kernelCatalog } from "./catalog.ts";
import { fillImported, type ImportRequest } from "./import.ts";
import { makeInitramfs } from "./initramfs.ts";
import { installKernel } from "./install.ts";
import { type Depmod, depmod } from "./modules/depmod.ts";
import type { WriteModules } from "./modules/drive.ts";
import { checkKernelName } from "./name.ts";
import { KernelStore } from "./store.ts";

export interface KernelServiceOptions {
  /** Of the local kernels. */
  directory: string;
  /** For initramfs files and what was found when hashes were checked. */
  cache: string;
  archive: Pick<DebianArchive, "select" | "fetch" | "discard">;
  agentBinary: string;
  writeModules: WriteModules;
  catalog?: readonly KernelCatalogEntry[];
  depmod?: Depmod;
}

/** What a machine boots. */
export interface BootFiles {
  /** `uname -r` */
  release: string;
  vmlinuz: string;
  initramfs: string;
  modules: string;
}

/** The kernels of this user: those that are local, and those of the catalog. */
export class KernelService {
  readonly #options: KernelServiceOptions;
  readonly #store: KernelStore;
  readonly #catalog: readonly KernelCatalogEntry[];
  readonly #pulls = new Coalescer<KernelManifest>();

  constructor(options: KernelServiceOptions) {
    this.#options = options;
    this.#store = new KernelStore({
      directory: options.directory,
      stamps: join(options.cache, "verified-kernels"),
    });
    this.#catalog = options.catalog ?? kernelCatalog;
  }

  /** All that is local, in order of name; broken ones with their problem. */
  async list(): Promise<Kernel[]> {
    const kernels: Kernel[] = [];
    for (const name of await this.#store.names()) {
      const kernel = await this.#store.describe(name);
      if (kernel) kernels.push(kernel);
    }
    return kernels;
  }

  /** The catalog, with what is local of it. */
  async available(): Promise<AvailableKernel[]> {
    const entries: AvailableKernel[] = [];
    for (const entry of this.#catalog) {
      const local = await this.#store.describe(entry.name);
      entries.push({
        ...entry,
        state: local ? (local.problem === undefined ? "local" : "broken") : "available",
      });
    }
    return entries;
  }

  /** @throws kernel_not_found, kernel_broken, invalid_value */
  async show(name: string): Promise<Kernel> {
    const manifest = await this.#store.load(name);
    const kernel = manifest && (await this.#store.describe(name));
    if (!kernel) throw await this.#notFound(name);
    return kernel;
  }

  /**
   * The kernel if it is local, else pulled from the catalog, once for all who want it. Only "is not there" leads to the catalog.
   *
   * @throws kernel_not_found, kernel_broken, invalid_value, and what a pull throws
   */
  async ensure(name: string, context: Context): Promise<KernelManifest> {
    const local = await this.#store.load(name);
    if (local) return local;
    return await this.#pull(await this.#entry(name), { replace: false }, context);
  }

  /**
   * Fetches a kernel of the catalog. With `force` a local one, broken or not, is replaced as soon as the new one is complete.
   *
   * @throws kernel_exists, kernel_broken, kernel_not_found, invalid_value, and what a pull throws
   */
  async pull(name: string, options: { force: boolean }, context: Context): Promise<Kernel> {
    if (!options.force && (await this.#store.load(name))) throw fault("kernel_exists", { name });
    const entry = await this.#entry(name);
    await this.#pull(entry, { replace: options.force }, context);
    return await this.show(name);
  }

  /**
   * Makes a local kernel of files that the user has, if machines can boot it. With `force` a local one is replaced.
   *
   * @throws kernel_exists, kernel_broken, invalid_value, and what `fillImported` throws
   */
  async import(request: ImportRequest & { force: boolean }, context: Context): Promise<Kernel> {
    const { name, force } = request;
    if (!force && (await this.#store.load(name))) throw fault("kernel_exists", { name });
    const { depmod: runDepmod = depmod, writeModules } = this.#options;
    using _lock = await this.#store.lock(name, context.signal);
    if (!force && (await this.#store.load(name))) throw fault("kernel_exists", { name });
    const tools = { depmod: runDepmod, writeModules };
    await step(context, "kernel.import", `importing ${name} from ${request.from}`, () =>
      this.#store.add(name, (staging) => fillImported(request, staging, tools, context), { replace: force }),
    );
    return await this.show(name);
  }

  /** Puts right what an earlier process left half-made. */
  async removeLeftovers(): Promise<void> {
    await this.#store.removeLeftovers();
  }

  /** Removes a local kernel, broken or not. @throws kernel_not_found, invalid_value */
  async remove(name: string): Promise<{ name: string; freed: number }> {
    const freed = await this.#store.remove(name);
    if (freed === undefined) throw await this.#notFound(name);
    return { name, freed };
  }

  /**
   * What a machine boots: the kernel, the initramfs with this build's agent, the modules drive.
   *
   * @throws kernel_not_found, kernel_broken, invalid_value, no_space, directory_not_writable, interrupted
   */
  async bootFiles(name: string, context: Context): Promise<BootFiles> {
    const manifest = await this.#store.load(name);
    if (!manifest) throw await this.#notFound(name);
    if (context.signal.aborted) {
      throw fault("interrupted", { what: `preparing the kernel ${name}` }, context.signal.reason);
    }
    const directory = this.#store.pathOf(name);
    const initramfs = await makeInitramfs({
      kernel: name,
      agentBinary: this.#options.agentBinary,
      modules: join(directory, "modules.cpio"),
      cache: join(this.#options.cache, "initramfs"),
    });
    return {
      release: manifest.release,
      vmlinuz: join(directory, "vmlinuz"),
      initramfs,
      modules: join(directory, "modules.ext4"),
    };
  }

  async #pull(
    entry: KernelCatalogEntry,
    options: { replace: boolean },
    context: Context,
  ): Promise<KernelManifest> {
    const { name } = entry;
    const { depmod: runDepmod = depmod, archive, writeModules } = this.#options;
    const tools = { archive, writeModules, store: this.#store, depmod: runDepmod };
    const message = `pulling ${name} from the kernel catalog`;
    // A forced pull must not be taken for done because another one found the kernel there.
    const key = options.replace ? `${name} anew` : name;
    return await this.#pulls.run(key, context, async (shared) => {
      using _lock = await this.#store.lock(name, shared.signal);
      const pulled = options.replace ? undefined : await this.#store.load(name);
      if (pulled) return pulled;
      return await step(shared, "kernel.pull", message, () =>
        installKernel(entry, tools, shared, { stage: "kernel.pull", message, ...options }),
      );
    });
  }

  async #entry(name: string): Promise<KernelCatalogEntry> {
    checkKernelName(name);
    const entry = this.#catalog.find((candidate) => candidate.name === name);
    if (!entry) throw await this.#notFound(name);
    return entry;
  }

  async #notFound(name: string): Promise<Error> {
    const local = await this.#store.names();
    const available = [...new Set([...this.#catalog.map((entry) => entry.name), ...local])].sort();
    return fault("kernel_not_found", { name, available });
  }
}
