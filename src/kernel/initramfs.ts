import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeCpio } from "../archive/cpio.ts";
import { diskFault, writeFileAtomic } from "../lib/atomic.ts";
import { errnoOf } from "../lib/errors/error.ts";

/** Major and minor number of /dev/console (Documentation/admin-guide/devices.txt of the kernel). */
const consoleDevice = { major: 5, minor: 1 };
const staleAfter = 3600 * 1000;

/**
 * Makes the initramfs of a kernel for this build's agent: the agent as /init, then the kernel's own archive; the kernel takes several
 * in a row. It is kept in the cache under the hashes of both, and compared before it is used again.
 *
 * @returns its path
 * @throws no_space, directory_not_writable
 */
export async function makeInitramfs(options: {
  kernel: string;
  agentBinary: string;
  modules: string;
  cache: string;
}): Promise<string> {
  const agent = await readFile(options.agentBinary);
  const modules = await readFile(options.modules);
  const name = `${options.kernel}-${hash(agent)}-${hash(modules)}.cpio`;
  const path = join(options.cache, name);
  const content = Buffer.concat([...agentArchive(agent), modules]);
  try {
    if (await holds(path, content)) return path;
    await mkdir(options.cache, { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, content);
    await removeOlder(options.cache, options.kernel, name);
    return path;
  } catch (error) {
    throw diskFault(error, path, "making the initramfs");
  }
}

function agentArchive(agent: Buffer): Iterable<Buffer> {
  return writeCpio([
    { type: "directory", path: "dev", mode: 0o755 },
    // Without it init starts without standard streams: devtmpfs is not mounted by then.
    { type: "character", path: "dev/console", mode: 0o600, device: consoleDevice },
    { type: "file", path: "init", mode: 0o755, content: agent },
  ]);
}

async function holds(path: string, content: Buffer): Promise<boolean> {
  try {
    return (await readFile(path)).equals(content);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Those of other agents and of earlier pulls; a young one may be about to be booted by another daemon. */
async function removeOlder(cache: string, kernel: string, keep: string): Promise<void> {
  const own = new RegExp(`^${kernel.replaceAll(".", "\\.")}-[0-9a-f]{12}-[0-9a-f]{12}\\.cpio$`);
  for (const name of await readdir(cache)) {
    if (name === keep || !own.test(name)) continue;
    const path = join(cache, name);
    const status = await stat(path).catch(() => undefined);
    if (status && Date.now() - status.mtimeMs > staleAfter) await rm(path, { force: true });
  }
}

function hash(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}
