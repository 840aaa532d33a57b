import type { BigIntStats } from "node:fs";
import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../lib/atomic.ts";
import { errnoOf, isFault } from "../lib/errors/error.ts";
import { hashFile } from "../lib/hash-file.ts";
import type { KernelManifest } from "../model/kernel.ts";
import { broken } from "./broken.ts";

type FileName = keyof KernelManifest["files"];

const fileNames: readonly FileName[] = ["vmlinuz", "modules.cpio", "modules.ext4"];

/**
 * Checks a kernel's files against its manifest: sizes always, hashes when a file is not the very one that had the right hash the last
 * time (inode, size, times of content and status). Reading a hundred megabytes at every start of a machine would show.
 */
export class KernelVerifier {
  readonly #stamps: string;

  /** @param stamps directory for what was found, in the cache: losing it costs time only */
  constructor(stamps: string) {
    this.#stamps = stamps;
  }

  /** @throws kernel_broken */
  async check(manifest: KernelManifest, directory: string): Promise<void> {
    const { name } = manifest;
    const remembered = await this.#recall(name);
    const stamps: Record<string, string> = {};
    for (const file of fileNames) {
      const { size, sha256 } = manifest.files[file];
      const path = join(directory, file);
      const status = await statusOf(name, directory, file);
      if (status.size !== BigInt(size)) {
        throw broken(name, directory, `its ${file} has ${status.size} bytes, not ${size}`);
      }
      stamps[file] = stampOf(status, sha256);
      if (remembered[file] === stamps[file]) continue;
      const actual = await hashFile(path).catch((error: unknown) => {
        throw broken(name, directory, `its ${file} cannot be read`, error);
      });
      if (actual !== sha256)
        throw broken(name, directory, `its ${file} has SHA-256 ${actual}, not ${sha256}`);
    }
    if (fileNames.some((file) => remembered[file] !== stamps[file])) await this.#remember(name, stamps);
  }

  /** Takes files for right that have just been written with the manifest's hashes. */
  async trust(manifest: KernelManifest, directory: string): Promise<void> {
    const stamps: Record<string, string> = {};
    for (const file of fileNames) {
      const status = await statusOf(manifest.name, directory, file);
      stamps[file] = stampOf(status, manifest.files[file].sha256);
    }
    await this.#remember(manifest.name, stamps);
  }

  async forget(name: string): Promise<void> {
    await rm(this.#pathOf(name), { force: true });
  }

  async #recall(name: string): Promise<Record<string, unknown>> {
    try {
      const stamps: unknown = JSON.parse(await readFile(this.#pathOf(name), "utf8"));
      return typeof stamps === "object" && stamps !== null ? { ...stamps } : {};
    } catch {
      // Not there, or damaged: the hashes will tell.
      return {};
    }
  }

  async #remember(name: string, stamps: Record<string, string>): Promise<void> {
    try {
      await mkdir(this.#stamps, { recursive: true, mode: 0o700 });
      await writeFileAtomic(this.#pathOf(name), JSON.stringify(stamps));
    } catch (error) {
      // A cache that cannot be written makes the next check slow, no more.
      if (!isFault(error, "no_space", "directory_not_writable") && errnoOf(error) === undefined) throw error;
    }
  }

  #pathOf(name: string): string {
    return join(this.#stamps, `${name}.json`);
  }
}

async function statusOf(name: string, directory: string, file: FileName): Promise<BigIntStats> {
  const status = await stat(join(directory, file), { bigint: true }).catch((error: unknown) => {
    const problem = errnoOf(error) === "ENOENT" ? `its ${file} is missing` : `its ${file} cannot be read`;
    throw broken(name, directory, problem, error);
  });
  if (!status.isFile()) throw broken(name, directory, `its ${file} is not a file`);
  return status;
}

function stampOf(status: BigIntStats, sha256: string): string {
  return [status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs, sha256].join(" ");
}
