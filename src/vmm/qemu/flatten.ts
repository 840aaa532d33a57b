import { diskFault } from "../../lib/atomic.ts";
import type { Context } from "../../lib/context.ts";
import type { Flattening } from "../driver.ts";
import { flush, imageTool } from "./image-tool.ts";

/** Milliseconds: a terabyte at a slow disk's pace. */
const timeout = 4 * 3600_000;

const doing = "writing the image's root file system";
const message = "writing the root file system";

/** `    (12.34/100%)`, as qemu-img writes it over and over. */
const share = /\((\d+(?:\.\d+)?)\/100%\)/g;

/**
 * Writes what a disk and everything below it hold to a raw file, in which what is zero is a hole.
 *
 * @throws no_space, directory_not_writable, tool_missing, tool_failed, timed_out, interrupted
 */
export async function flattenDisk({ disk, size, target }: Flattening, context: Context): Promise<void> {
  const args = ["convert", "-p", "-f", disk.format, "-O", "raw", "-S", "4k", disk.path, target];
  const onOutput = (text: string): void => {
    const latest = [...text.matchAll(share)].at(-1)?.[1];
    if (latest === undefined) return;
    const current = Math.round((Number(latest) / 100) * size);
    context.report({
      stage: "disk.flatten",
      state: "progress",
      message,
      current,
      total: size,
      unit: "bytes",
    });
  };
  try {
    await imageTool(args, { path: target, doing, timeout, signal: context.signal, onOutput });
    await flush(target);
  } catch (error) {
    throw diskFault(error, target, doing);
  }
}
