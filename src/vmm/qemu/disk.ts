import { access, chmod, link, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import type { DiskFile, Freezing, FrozenDisk, NewDisk } from "../driver.ts";
import { imageTool } from "./image-tool.ts";
import { writeOverlay } from "./qcow2.ts";

const timeout = 60_000;
const doing = "making the machine's disk";
/** Of st_blocks (stat(2)). */
const blockSize = 512;

/**
 * Makes `disk.qcow2` in a directory, over an image that must stay where it is. It is there as a whole or not at all. Nothing is
 * flushed: an empty overlay holds nothing yet, and the guest's first flush takes the whole file along.
 *
 * @throws image_file_missing, no_space, directory_not_writable, interrupted
 */
export async function createOverlay(
  { directory, base, size, name = "disk" }: NewDisk,
  signal?: AbortSignal,
): Promise<DiskFile> {
  const path = join(directory, `${name}.qcow2`);
  const staged = join(directory, `.${name}.qcow2.new`);
  const backing: DiskFile = typeof base === "string" ? { path: base, format: "raw" } : base;
  try {
    if (signal?.aborted) throw fault("interrupted", { what: doing }, signal.reason);
    await access(backing.path).catch((error: unknown) => {
      throw fault("image_file_missing", { path: backing.path }, error);
    });
    await rm(staged, { force: true });
    await writeOverlay(staged, size, backing);
    await rename(staged, path);
  } catch (error) {
    await rm(staged, { force: true });
    throw diskFault(error, path, doing);
  }
  return { path, format: "qcow2" };
}

/**
 * Gives the file of a disk a second name, under which it is only read from now on, and makes an empty layer over it. A QEMU that has
 * the file open goes on writing to it until it is told of the layer.
 *
 * @throws no_space, directory_not_writable, interrupted
 */
export async function freezeOverlay(
  { disk, size, frozen: { directory, name }, next }: Freezing,
  signal?: AbortSignal,
): Promise<FrozenDisk> {
  const frozen: DiskFile = { path: join(directory, `${name}.qcow2`), format: "qcow2" };
  try {
    await link(disk.path, frozen.path);
    await chmod(frozen.path, 0o400);
    return { frozen, next: await createOverlay({ ...next, base: frozen, size }, signal) };
  } catch (error) {
    await rm(frozen.path, { force: true });
    await chmod(disk.path, 0o600).catch(() => undefined);
    throw diskFault(error, frozen.path, "freezing the machine's disk");
  }
}

/** Makes the disk of a machine that does not run larger. @throws no_space, directory_not_writable, tool_missing, tool_failed */
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
