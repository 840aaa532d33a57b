import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskFault, syncDirectory } from "../../lib/atomic.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import type { DiskFile, NewDisk } from "../driver.ts";
import { flush, imageTool } from "./image-tool.ts";

const timeout = 60_000;
const doing = "making the machine's disk";
/** Sub-clusters of 4 KiB: a small write copies no more of the image than a page. */
const layout = "cluster_size=128k,extended_l2=on";
/** Of st_blocks (stat(2)). */
const blockSize = 512;

/**
 * Makes `disk.qcow2` in a directory, over an image that must stay where it is. It is there as a whole or not at all.
 *
 * @throws no_space, directory_not_writable, tool_missing, tool_failed, timed_out, interrupted
 */
export async function createOverlay(
  { directory, base, size, name = "disk" }: NewDisk,
  signal?: AbortSignal,
): Promise<DiskFile> {
  const path = join(directory, `${name}.qcow2`);
  const staged = join(directory, `.${name}.qcow2.new`);
  const below = typeof base === "string" ? { path: base, format: "raw" } : base;
  try {
    const backing = ["-b", below.path, "-F", below.format];
    const create = ["create", "-q", "-f", "qcow2", "-o", layout, ...backing, staged, String(size)];
    await imageTool(create, { path, doing, timeout, signal });
    await flush(staged);
    await rename(staged, path);
    await syncDirectory(directory);
  } catch (error) {
    await rm(staged, { force: true });
    throw diskFault(error, path, doing);
  }
  return { path, format: "qcow2" };
}

/** Makes the disk of a machine that does not run larger. @throws as createOverlay */
export async function growOverlay(disk: DiskFile, size: number, signal?: AbortSignal): Promise<void> {
  const { path, format } = disk;
  await imageTool(["resize", "-q", "-f", format, path, String(size)], { path, doing, timeout, signal });
}

/** Bytes that a disk occupies on the host; 0 when there is none. */
export async function overlayUsed(disk: DiskFile): Promise<number> {
  try {
    return (await stat(disk.path)).blocks * blockSize;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw diskFault(error, disk.path, "looking at the machine's disk");
  }
}
