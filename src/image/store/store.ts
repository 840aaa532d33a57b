import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { diskFault, syncDirectory, writeFileAtomic } from "../../lib/atomic.ts";
import { type Context, step } from "../../lib/context.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import { hashFile } from "../../lib/hash-file.ts";
import { type Lock, tryLock, waitForLock } from "../../lib/lock.ts";
import type { ImageManifest } from "../../model/image.ts";
import { brokenFault, type Entry, manifestFile, nameFile, readEntry, rootfsFile } from "./entry.ts";

/** What whoever makes an image says of it; the store adds what it sees for itself. */
export interface ImageDescription
  extends Omit<ImageManifest, "version" | "id" | "name" | "rootfs" | "createdAt"> {
  /** Of the root file system in lower-case hex, if its maker knows it already. */
  sha256?: string;
}

const locksDirectory = ".locks";
const stagingPrefix = ".staging-";
const deletedPrefix = ".deleted-";

/** The local images: one directory for each, that appears whole and is never changed. */
export class ImageStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** All entries, broken ones too, by name. @throws directory_not_writable */
  async list(): Promise<Entry[]> {
    const ids = (await namesIn(this.#directory, "directories")).filter((name) => !name.startsWith("."));
    const found = await Promise.all(ids.map((id) => readEntry(this.#directory, id)));
    const entries = found.filter((entry) => entry !== undefined);
    return entries.toSorted((a, b) => compare(a.name ?? a.id, b.name ?? b.id) || compare(a.id, b.id));
  }

  /**
   * Checks an entry before its disk is used. The disk is hashed only when its time is not the one it was made with: a copy,
   * or a file that somebody has written to.
   *
   * @throws image_broken, interrupted
   */
  async open(entry: Entry, signal: AbortSignal): Promise<{ manifest: ImageManifest; rootfs: string }> {
    if (entry.content.state === "broken") throw brokenFault(entry, entry.content);
    const { manifest } = entry.content;
    const rootfs = join(entry.path, rootfsFile);
    if ((await stat(rootfs)).mtimeMs !== manifest.rootfs.mtime) {
      await this.verify(entry, signal);
      const time = manifest.rootfs.mtime / 1000;
      await utimes(rootfs, time, time);
    }
    return { manifest, rootfs };
  }

  /** Hashes the whole disk. @throws image_broken, interrupted */
  async verify(entry: Entry, signal: AbortSignal): Promise<void> {
    if (entry.content.state === "broken") throw brokenFault(entry, entry.content);
    const { sha256 } = entry.content.manifest.rootfs;
    const actual = await hashFile(join(entry.path, rootfsFile), signal);
    if (actual !== sha256) {
      throw brokenFault(entry, { problem: `its ${rootfsFile} has SHA-256 ${actual}, expected ${sha256}` });
    }
  }

  /** Held by whoever makes or deletes the image of a name, in whatever process. @throws interrupted, directory_not_writable */
  async lock(name: string, signal: AbortSignal): Promise<Lock> {
    const path = await this.#lockFile(tokenOf(name));
    return await waitForLock(path, signal);
  }

  /**
   * Makes an image of the root file system that `fill` writes. The name's lock is held by the caller. Nothing remains when
   * it fails; half of it is never visible.
   *
   * @throws no_space, directory_not_writable, interrupted, and what `fill` throws
   */
  async create(
    name: string,
    fill: (rootfs: string) => Promise<ImageDescription>,
    context: Context,
  ): Promise<Entry> {
    const { signal } = context;
    const staging = join(this.#directory, stagingPrefix + tokenOf(name));
    const id = await this.#freshId();
    try {
      await rm(staging, { recursive: true, force: true });
      await mkdir(staging, { recursive: true, mode: 0o700 });
      const rootfs = join(staging, rootfsFile);
      const { sha256: known, ...description } = await fill(rootfs);
      const sha256 =
        known ??
        (await step(context, "image.seal", "taking the image's checksum", () => hashFile(rootfs, signal)));
      const seen = { sha256, ...(await seal(rootfs)) };
      const manifest: ImageManifest = {
        version: 1,
        id,
        name,
        ...description,
        rootfs: { file: rootfsFile, ...seen },
        createdAt: new Date().toISOString(),
      };
      await writeFile(join(staging, nameFile), `${name}\n`, { mode: 0o400, flush: true });
      await writeFileAtomic(join(staging, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`, 0o400);
      if (signal.aborted) throw fault("interrupted", { what: `making image ${name}` }, signal.reason);
      await rename(staging, join(this.#directory, id));
      await syncDirectory(this.#directory);
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      throw diskFault(error, staging, `making image ${name}`);
    }
    const entry = await readEntry(this.#directory, id);
    if (!entry) throw fault("image_not_found", { name, available: [] });
    return entry;
  }

  /** It is gone at once; its space follows. @throws directory_not_writable */
  async remove(entry: Entry): Promise<void> {
    const doomed = join(this.#directory, `${deletedPrefix}${entry.id}-${randomBytes(4).toString("hex")}`);
    try {
      await rename(entry.path, doomed);
      await syncDirectory(this.#directory);
      // Somebody may have taken the right to look into it, which would be in the way.
      await chmod(doomed, 0o700);
      await rm(doomed, { recursive: true, force: true });
    } catch (error) {
      throw diskFault(error, entry.path, `deleting image ${entry.name ?? entry.id}`);
    }
  }

  /** Removes what dead processes have left half-made or half-deleted. */
  async removeLeftovers(): Promise<void> {
    for (const name of await namesIn(this.#directory)) {
      const path = join(this.#directory, name);
      if (name.startsWith(deletedPrefix)) await rm(path, { recursive: true, force: true });
      if (!name.startsWith(stagingPrefix)) continue;
      using lock = tryLock(await this.#lockFile(name.slice(stagingPrefix.length)));
      if (lock) await rm(path, { recursive: true, force: true });
    }
  }

  async #lockFile(token: string): Promise<string> {
    const locks = join(this.#directory, locksDirectory);
    try {
      await mkdir(locks, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskFault(error, locks, "making the image directory");
    }
    return join(locks, token);
  }

  async #freshId(): Promise<string> {
    const taken = await namesIn(this.#directory);
    for (;;) {
      const id = randomBytes(6).toString("hex");
      if (!taken.includes(id)) return id;
    }
  }
}

/** Takes a finished disk out of anybody's hands, and says what it is. */
async function seal(rootfs: string): Promise<{ size: number; mtime: number }> {
  await chmod(rootfs, 0o400);
  // In whole milliseconds, which survive being set again.
  const mtime = Math.floor(Date.now() / 1000) * 1000;
  await utimes(rootfs, mtime / 1000, mtime / 1000);
  return { size: (await stat(rootfs)).size, mtime };
}

/** A file name for a name of an image, which may have slashes and be long. */
function tokenOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

async function namesIn(directory: string, which: "all" | "directories" = "all"): Promise<string[]> {
  try {
    const found = await readdir(directory, { withFileTypes: true });
    return found.filter((entry) => which === "all" || entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, join(directory, "images"), "listing the images");
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
