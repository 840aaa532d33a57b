import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createDirectoryAtomic, diskFault, removeStaleStaging } from "../lib/atomic.ts";
import { errnoOf, fault, isFault } from "../lib/errors/error.ts";
import { type Lock, tryLock, waitForLock } from "../lib/lock.ts";
import type { Kernel, KernelManifest } from "../model/kernel.ts";
import { readManifest } from "./manifest.ts";
import { checkKernelName, isKernelName } from "./name.ts";
import { KernelVerifier } from "./verify.ts";

/** The local kernels: a directory each, `<name>/manifest.json` and the files that it lists. */
export class KernelStore {
  readonly #directory: string;
  readonly #verifier: KernelVerifier;

  constructor(options: { directory: string; stamps: string }) {
    this.#directory = options.directory;
    this.#verifier = new KernelVerifier(options.stamps);
  }

  /** @throws invalid_value */
  pathOf(name: string): string {
    return join(this.#directory, checkKernelName(name));
  }

  /** A kernel, checked; undefined when it is not local. @throws kernel_broken, invalid_value */
  async load(name: string): Promise<KernelManifest | undefined> {
    const directory = this.pathOf(name);
    const manifest = await readManifest(name, directory);
    if (manifest) await this.#verifier.check(manifest, directory);
    return manifest;
  }

  /** A kernel as the API shows it, with its problem if it has one; undefined when it is not local. */
  async describe(name: string): Promise<Kernel | undefined> {
    const directory = this.pathOf(name);
    try {
      const manifest = await this.load(name);
      return manifest && { ...manifest, used: await bytesUsed(directory) };
    } catch (error) {
      if (!isFault(error, "kernel_broken")) throw error;
      const { problem } = error.params as { problem: string };
      return { version: 1, name, arch: "amd64", used: await bytesUsed(directory), problem };
    }
  }

  /** Names of what is there, broken ones included, in order. */
  async names(): Promise<string[]> {
    return (await filesIn(this.#directory)).filter(isKernelName).sort();
  }

  /** Puts right what dead processes have left; whom another process changes is left alone. @throws directory_not_writable */
  async removeLeftovers(): Promise<void> {
    for (const file of await filesIn(this.#directory)) {
      const name = /^\.(.+)\.(?:staging|retired)-/.exec(file)?.[1];
      if (name === undefined || !isKernelName(name)) continue;
      using lock = tryLock(this.#lockOf(name));
      if (lock) await removeStaleStaging(this.#directory, name);
    }
  }

  /** Waits until no other process changes this kernel, and clears away what one that was killed left of it. */
  async lock(name: string, signal: AbortSignal): Promise<Lock> {
    const path = this.pathOf(name);
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskFault(error, path, "making the directory of kernels");
    }
    const lock = await waitForLock(this.#lockOf(name), signal);
    try {
      await removeStaleStaging(this.#directory, name);
      return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Adds a kernel in one step, under its lock; `fill` writes its files and its manifest to a staging directory.
   *
   * @throws no_space, directory_not_writable, and what `fill` throws
   */
  async add(
    name: string,
    fill: (staging: string) => Promise<KernelManifest>,
    options: { replace: boolean },
  ): Promise<KernelManifest> {
    const path = this.pathOf(name);
    const manifest = await createDirectoryAtomic(path, fill, options);
    await this.#verifier.trust(manifest, path);
    return manifest;
  }

  /**
   * Removes a kernel, broken or not, in one step.
   *
   * @returns the bytes freed; undefined when it was not there
   * @throws busy while it is being pulled
   */
  async remove(name: string): Promise<number | undefined> {
    const path = this.pathOf(name);
    if (!(await this.names()).includes(name)) return undefined;
    const grave = join(this.#directory, `.${name}.staging-removed`);
    using lock = tryLock(this.#lockOf(name));
    if (!lock) throw fault("busy", { what: `kernel ${name}`, holder: "a pull or an import" });
    try {
      await removeStaleStaging(this.#directory, name);
      const freed = await bytesUsed(path);
      await rename(path, grave);
      await rm(grave, { recursive: true, force: true });
      await this.#verifier.forget(name);
      return freed;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw diskFault(error, path, `removing ${name}`);
    }
  }

  #lockOf(name: string): string {
    return join(this.#directory, `.${name}.lock`);
  }
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, directory, "listing kernels");
  }
}

/** Bytes that a directory's files occupy on the disk, as far as this user can see. */
async function bytesUsed(path: string): Promise<number> {
  const status = await lstat(path);
  let used = status.blocks * 512;
  if (!status.isDirectory()) return used;
  for (const name of await readdir(path).catch(() => [])) {
    const file = await lstat(join(path, name)).catch(() => undefined);
    used += (file?.blocks ?? 0) * 512;
  }
  return used;
}
