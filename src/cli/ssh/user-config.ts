import {
  chmod,
  chown,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";

/** Links that lead to links: as many as Linux follows (path_resolution(7)). */
const mostLinks = 40;

/**
 * Changes ~/.ssh/config in one step; says whether there was anything to change. Mode and owner stay. Where it is a link, what it leads to is
 * changed and the link stays; a file that was not there is made for its owner only, and one that becomes empty is removed.
 *
 * @throws no_space, directory_not_writable, unsafe_directory
 */
export async function changeUserConfig(home: string, change: (content: Buffer) => Buffer): Promise<boolean> {
  const link = join(home, ".ssh", "config");
  const path = await target(link);
  const before = await contentOf(path);
  const after = change(before ?? Buffer.alloc(0));
  if (after.equals(before ?? Buffer.alloc(0))) return false;
  try {
    if (after.length === 0 && path === link) await rm(path);
    else await replace(path, after);
  } catch (error) {
    throw diskFault(error, path, "changing the configuration of ssh");
  }
  return true;
}

async function replace(path: string, content: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const staged = `${path}.banger-${process.pid}`;
  try {
    await writeFile(staged, content, { mode: 0o600, flag: "wx", flush: true });
    const present = await stat(path).catch(absent);
    if (present) {
      if (present.uid !== process.getuid?.()) await chown(staged, present.uid, present.gid);
      await chmod(staged, present.mode & 0o7777);
    }
    await rename(staged, path);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
}

/** What a path leads to, whether that is there or not. */
async function target(path: string): Promise<string> {
  let at = path;
  for (let links = 0; links <= mostLinks; links += 1) {
    const found = await lstat(at).catch(absent);
    if (!found?.isSymbolicLink()) return at;
    at = resolve(dirname(at), await readlink(at));
  }
  throw fault("unsafe_directory", { path, reason: "its links lead in a circle" });
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskFault(error, path, "reading the configuration of ssh");
  }
}

function absent(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
  return undefined;
}
