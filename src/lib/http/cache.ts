import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../atomic.ts";
import { Coalescer } from "../coalesce.ts";
import type { Context } from "../context.ts";
import { errnoOf } from "../errors/error.ts";
import { hashFile } from "../hash-file.ts";
import { waitForLock } from "../lock.ts";
import type { HttpGetter } from "./client.ts";
import { download } from "./download.ts";

export interface CachedFile {
  url: string;
  /** File name in the cache. Another content under the same name replaces the old one. */
  name: string;
  sha256: string;
  size: number;
}

const progressInterval = 100;
const staleAfter = 7 * 24 * 3600 * 1000;

/**
 * Downloaded files in one directory. Every file that it hands out has been checked against its hash in this call. Those who
 * want the same file at once, in this process or another, fetch it once.
 */
export class DownloadCache {
  readonly #directory: string;
  readonly #http: HttpGetter;
  readonly #flights = new Coalescer<string>();

  constructor(options: { directory: string; http: HttpGetter }) {
    this.#directory = options.directory;
    this.#http = options.http;
  }

  /**
   * Path of the file, fetched when it is not there as wanted; `step` names the progress events of a fetch.
   *
   * @throws what `download` throws, directory_not_writable
   */
  async fetch(file: CachedFile, step: { stage: string; message: string }, context: Context): Promise<string> {
    return await this.#flights.run(`${file.name} ${file.sha256}`, context, async (shared) => {
      const path = join(this.#directory, file.name);
      if (await holds(path, file)) return path;
      await makeDirectory(this.#directory);
      using _lock = await waitForLock(lockPath(this.#directory, file.name), shared.signal);
      if (await holds(path, file)) return path;
      await removeStaleParts(this.#directory);
      shared.report({ ...step, state: "started" });
      const began = performance.now();
      const onProgress = throttled((current) =>
        shared.report({ ...step, state: "progress", current, total: file.size, unit: "bytes" }),
      );
      await download(this.#http, { ...file, path }, { signal: shared.signal, onProgress });
      shared.report({ ...step, state: "done", elapsed: Math.round(performance.now() - began) });
      return path;
    });
  }

  /** Forgets a file that will not be wanted again. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#directory, name), { force: true });
  }
}

async function holds(path: string, file: CachedFile): Promise<boolean> {
  try {
    if ((await stat(path)).size !== file.size) return false;
    return (await hashFile(path)) === file.sha256;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw diskFault(error, path, "reading the download cache");
  }
}

/** One of sixteen: a lock may not be deleted, and a file for every name ever fetched would pile up. */
function lockPath(directory: string, name: string): string {
  return join(directory, `.lock-${createHash("sha256").update(name).digest("hex").charAt(0)}`);
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskFault(error, path, "making the download cache");
  }
}

/** Parts of versions that the server no longer has would stay for ever. */
async function removeStaleParts(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith(".part")) continue;
    const path = join(directory, name);
    const status = await stat(path).catch(() => undefined);
    if (status && Date.now() - status.mtimeMs > staleAfter) await rm(path, { force: true });
  }
}

function throttled(report: (bytes: number) => void): (bytes: number) => void {
  let last = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - last < progressInterval) return;
    last = now;
    report(bytes);
  };
}
