import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf, fault, isFault } from "../../lib/errors/error.ts";
import { type RunResult, run } from "../../lib/process.ts";
import type { DiskFile } from "../driver.ts";
import { writeOverlay } from "./qcow2.ts";

const toolTimeout = 60_000;
/** Of st_blocks (stat(2)). */
const blockSize = 512;

/**
 * Makes `disk.qcow2` in a directory, over an image that must stay where it is. It is there as a whole or not at all. Nothing is
 * flushed: an empty overlay holds nothing yet, and the guest's first flush takes the whole file along.
 *
 * @throws no_space, directory_not_writable
 */
export async function createOverlay(
  options: { directory: string; base: string; baseFormat?: DiskFile["format"]; size: number },
  signal?: AbortSignal,
): Promise<DiskFile> {
  const { directory, base, baseFormat = "raw", size } = options;
  const path = join(directory, "disk.qcow2");
  const staged = join(directory, ".disk.qcow2.new");
  try {
    if (signal?.aborted) throw fault("interrupted", { what: "making the machine's disk" }, signal.reason);
    await rm(staged, { force: true });
    await writeOverlay(staged, size, { base, baseFormat });
    await rename(staged, path);
  } catch (error) {
    await rm(staged, { force: true });
    throw diskFault(error, path, "making the machine's disk");
  }
  return { path, format: "qcow2" };
}

/** Makes the disk of a machine that does not run larger. @throws no_space, directory_not_writable, tool_missing, tool_failed */
export async function growOverlay(disk: DiskFile, size: number, signal?: AbortSignal): Promise<void> {
  await qemuImg(["resize", "-q", "-f", disk.format, disk.path, String(size)], disk.path, signal);
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

async function qemuImg(
  args: readonly string[],
  path: string,
  signal: AbortSignal | undefined,
): Promise<RunResult> {
  try {
    const env = { PATH: process.env.PATH, LC_ALL: "C" };
    return await run("qemu-img", args, { signal, timeout: toolTimeout, env });
  } catch (error) {
    if (!isFault(error, "tool_failed")) throw error;
    if (/No space left|quota exceeded/i.test(error.message)) {
      throw fault("no_space", { path, doing: "making the machine's disk" }, error);
    }
    const refused = /Permission denied|Read-only file system/.exec(error.message);
    if (refused) {
      throw fault(
        "directory_not_writable",
        { path: join(path, ".."), reason: refused[0].toLowerCase() },
        error,
      );
    }
    throw error;
  }
}
