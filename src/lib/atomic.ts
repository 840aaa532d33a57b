import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, fault } from "./errors/error.ts";

const stagingMark = ".staging-";
/** Of a directory that is about to be replaced: when its successor has not come, it is put back. */
const retiredMark = ".retired-";

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
  const retired = stagingPath(path, retiredMark);
  let isReplaced = false;
  try {
    await mkdir(staged, { recursive: true, mode: 0o700 });
    const result = await fill(staged);
    await syncDirectory(staged);
    if (options.replace) await renameIfExists(path, retired);
    await rename(staged, path);
    isReplaced = true;
    await syncDirectory(dirname(path));
    return result;
  } catch (error) {
    throw diskFault(error, path, `making ${basename(path)}`);
  } finally {
    await rm(staged, { recursive: true, force: true });
    if (isReplaced) await rm(retired, { recursive: true, force: true });
    else await renameIfExists(retired, path);
  }
}

/**
 * Removes what a killed process left behind of `writeFileAtomic` and `createDirectoryAtomic` in a directory: of all targets,
 * or of one. A directory that was about to be replaced, and has not been, is put back.
 */
export async function removeStaleStaging(directory: string, target?: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, directory, "looking for leftovers");
  });
  const leftovers = names.flatMap((name) => {
    const [, of = "", mark = ""] = /^\.(.+)(\.staging-|\.retired-)[^.]*$/.exec(name) ?? [];
    return mark && (target === undefined || of === target) ? [{ name, of, mark }] : [];
  });
  for (const { name, of, mark } of leftovers) {
    const path = join(directory, name);
    if (mark === retiredMark && !(await exists(join(directory, of)))) await rename(path, join(directory, of));
    else await rm(path, { recursive: true, force: true });
  }
  return leftovers.map(({ name }) => name);
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

function stagingPath(path: string, mark = stagingMark): string {
  return join(dirname(path), `.${basename(path)}${mark}${randomBytes(6).toString("hex")}`);
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

async function renameIfExists(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
