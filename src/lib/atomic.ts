import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, fault } from "./errors/error.ts";

const stagingMark = ".staging-";

/**
 * Replaces a file in one step: written beside its target, flushed, renamed, the directory flushed. A reader sees the
 * old content or the new one.
 *
 * @throws no_space, directory_not_writable
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const staged = stagingPath(path);
  try {
    const file = await open(staged, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staged, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(staged, { force: true });
    throw diskFault(error, path, `writing ${basename(path)}`);
  }
}

/**
 * Makes a directory in one step: `fill` works in a staging directory beside the target, which is then flushed and renamed.
 * When `fill` fails nothing remains. The target must not exist, unless `replace` is set: then the old one is removed
 * after the new one is in place.
 *
 * @throws no_space, directory_not_writable, and what `fill` throws
 */
export async function createDirectoryAtomic<T>(
  path: string,
  fill: (staging: string) => Promise<T>,
  options: { replace?: boolean } = {},
): Promise<T> {
  const staged = stagingPath(path);
  const retired = stagingPath(path);
  try {
    await mkdir(staged, { recursive: true, mode: 0o700 });
    const result = await fill(staged);
    await syncDirectory(staged);
    if (options.replace) await renameIfExists(path, retired);
    await rename(staged, path);
    await syncDirectory(dirname(path));
    return result;
  } catch (error) {
    throw diskFault(error, path, `making ${basename(path)}`);
  } finally {
    await rm(staged, { recursive: true, force: true });
    await rm(retired, { recursive: true, force: true });
  }
}

/**
 * Removes what a killed process left behind of `writeFileAtomic` and `createDirectoryAtomic` in a directory: of all targets,
 * or of one.
 */
export async function removeStaleStaging(directory: string, target?: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, directory, "looking for leftovers");
  });
  const mark = target === undefined ? stagingMark : `.${target}${stagingMark}`;
  const stale = names.filter((name) => (target === undefined ? name.includes(mark) : name.startsWith(mark)));
  for (const name of stale) await rm(join(directory, name), { recursive: true, force: true });
  return stale;
}

/** A system error of the file system as an error of ours; anything else as it is. */
export function diskFault(error: unknown, path: string, doing: string): unknown {
  switch (errnoOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return fault("no_space", { path, doing }, error);
    case "EROFS":
      return fault("directory_not_writable", { path: dirname(path), reason: "read-only file system" }, error);
    case "EACCES":
    case "EPERM":
      return fault("directory_not_writable", { path: dirname(path), reason: "permission denied" }, error);
    case "ENOTDIR":
      return fault("directory_not_writable", { path: dirname(path), reason: "not a directory" }, error);
    default:
      return error;
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function stagingPath(path: string): string {
  return join(dirname(path), `.${basename(path)}${stagingMark}${randomBytes(6).toString("hex")}`);
}

async function renameIfExists(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
