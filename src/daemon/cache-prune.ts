import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../lib/atomic.ts";
import { errnoOf } from "../lib/errors/error.ts";
import type { CachePrune } from "../model/api/answers.ts";

/** Of st_blocks (stat(2)). */
const blockSize = 512;

/**
 * Removes the files of cache directories, all of which can be had again: downloads, layers of images, put-together initramfs. Locks stay,
 * as somebody may hold them.
 *
 * @throws directory_not_writable
 */
export async function pruneCache(
  directories: readonly string[],
  { dryRun }: { dryRun: boolean },
): Promise<CachePrune> {
  const pruned = await Promise.all(directories.map((path) => pruneDirectory(path, dryRun)));
  const sum = (key: "files" | "bytes"): number => pruned.reduce((all, one) => all + one[key], 0);
  return {
    directories: pruned.filter(({ files }) => files > 0),
    files: sum("files"),
    freed: sum("bytes"),
    dryRun,
  };
}

async function pruneDirectory(path: string, dryRun: boolean): Promise<CachePrune["directories"][number]> {
  const found = { path, files: 0, bytes: 0 };
  try {
    for (const entry of await entriesOf(path)) {
      if (!entry.isFile() || entry.name.startsWith(".lock")) continue;
      const file = join(path, entry.name);
      const status = await stat(file);
      found.files += 1;
      found.bytes += status.blocks * blockSize;
      if (!dryRun) await rm(file, { force: true });
    }
  } catch (error) {
    throw diskFault(error, join(path, "."), "pruning the cache");
  }
  return found;
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
