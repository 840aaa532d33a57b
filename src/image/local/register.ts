import { stat } from "node:fs/promises";
import type { Context } from "../../lib/context.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import { inspectExt4 } from "../ext4/inspect.ts";
import type { ImageDescription } from "../store/store.ts";
import { writeDirectory } from "./directory.ts";

export interface RegisterRequest {
  /** Absolute: a directory, or a raw file with an ext4 file system. */
  path: string;
  kernel?: string | undefined;
  /** Program that becomes PID 1; empty for none. Default: what a directory has, `/sbin/init` of a file. */
  init?: string | undefined;
  /** Only of a directory: bytes of the file system, and `uid:gid` of everything in it. */
  size?: number | undefined;
  owner?: string | undefined;
}

/** @throws image_file_missing, image_file_invalid */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") throw fault("image_file_missing", { path }, error);
    throw fault("image_file_invalid", { path, problem: `cannot be looked at (${errno})` }, error);
  }
}

/** Writes a directory as the root file system of an image. @throws invalid_value, and what `writeDirectory` throws */
export async function registerDirectory(
  { path, kernel, init, size, owner }: RegisterRequest,
  usualKernel: string,
  rootfs: string,
  context: Context,
): Promise<ImageDescription> {
  const found = await writeDirectory(path, rootfs, { size, owner: readOwner(owner) }, context);
  const program = init ?? found.init;
  return describe(path, "directory", kernel ?? usualKernel, program, found.distro);
}

/** Looks at a file and describes it as an image; it is not touched. @throws image_file_missing, image_file_invalid, bad_usage */
export async function registerFile(
  { path, kernel, init, size, owner }: RegisterRequest,
  usualKernel: string,
): Promise<ImageDescription> {
  if (size !== undefined || owner !== undefined) {
    const problem = `${path} is a file and used as it is: there is no --size and --owner`;
    throw fault("bad_usage", { problem, command: "image register" });
  }
  const { clean } = await inspectExt4(path);
  if (!clean) {
    const problem = "was not unmounted in order; let e2fsck put it right first";
    throw fault("image_file_invalid", { path, problem });
  }
  return describe(path, "file", kernel ?? usualKernel, init ?? "/sbin/init", undefined);
}

function describe(
  path: string,
  kind: "directory" | "file",
  kernel: string,
  init: string | undefined,
  distro = "linux",
): ImageDescription {
  return { arch: "amd64", distro, kernel, ...(init ? { init } : {}), source: { kind, detail: path } };
}

function readOwner(owner: string | undefined): { uid: number; gid: number } | undefined {
  if (owner === undefined) return undefined;
  const [, uid, gid = uid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(owner) ?? [];
  const numbers = [Number(uid), Number(gid)] as const;
  if (uid === undefined || numbers.some((number) => number > 0xffffffff)) {
    throw fault("invalid_value", { what: "--owner", value: owner, expected: "UID or UID:GID, as numbers" });
  }
  return { uid: numbers[0], gid: numbers[1] };
}
