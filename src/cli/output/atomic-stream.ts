import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { diskFault, syncDirectory } from "../../lib/atomic.ts";

/**
 * Writes a stream to a file that appears whole, in place of one that may be there. What an earlier call left half-written when it was
 * killed is removed.
 *
 * @throws no_space, directory_not_writable, and what the source throws
 */
export async function writeStreamAtomic(path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const prefix = `.${basename(path)}.part-`;
  const part = join(dirname(path), `${prefix}${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await removeDead(dirname(path), prefix);
    await using file = await open(part, "wx", 0o666);
    for await (const piece of source) await file.writeFile(piece);
    await file.sync();
    await rename(part, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(part, { force: true });
    throw diskFault(error, path, `writing ${path}`);
  }
}

/** Parts of processes that are no more. */
async function removeDead(directory: string, prefix: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (pid > 0 && !isAlive(pid)) await rm(join(directory, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
