import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decompress } from "../../archive/compression/decompress.ts";
import { type CpioEntry, writeCpio } from "../../archive/cpio.ts";
import { chooseBootModules } from "./boot-set.ts";
import { ModuleGraph } from "./dependencies.ts";

/**
 * Makes `modules.cpio`: the modules for the initramfs, uncompressed since the agent hands them to the kernel as they
 * are, and the list that says in which order.
 *
 * @param directory of the release, after depmod
 * @throws kernel_unusable, archive_invalid, archive_truncated, interrupted
 */
export async function makeBootArchive(
  kernel: string,
  directory: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const dep = await readFile(join(directory, "modules.dep"), "utf8");
  const builtin = await readFile(join(directory, "modules.builtin"), "utf8");
  const { modules, list } = chooseBootModules(kernel, new ModuleGraph(dep, builtin));
  const entries: CpioEntry[] = [
    { type: "file", path: "etc/modules.load", mode: 0o644, content: Buffer.from(list) },
  ];
  for (const { file, name } of modules) {
    const content = await readModule(join(directory, file), signal);
    entries.push({ type: "file", path: `lib/modules/${name}`, mode: 0o644, content });
  }
  return Buffer.concat([...writeCpio(entries)]);
}

async function readModule(path: string, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of decompress(createReadStream(path), "auto", { signal })) pieces.push(piece);
  return Buffer.concat(pieces);
}
