import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decompress } from "../../archive/compression/decompress.ts";
import { type CpioEntry, writeCpio } from "../../archive/cpio.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import { type BootSet, chooseBootModules } from "./boot-set.ts";
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
  const graph = await readModuleGraph(directory);
  return await packBootModules(directory, chooseBootModules(kernel, graph), signal);
}

/** What depmod and the kernel's build say in the directory of a release; a kernel without parts that could be modules has no builtin ones. */
export async function readModuleGraph(directory: string): Promise<ModuleGraph> {
  const dep = await readFile(join(directory, "modules.dep"), "utf8");
  const builtin = await readFile(join(directory, "modules.builtin"), "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  });
  return new ModuleGraph(dep, builtin);
}

/** @param directory that the files of the modules are in. @throws archive_invalid, archive_truncated, interrupted */
export async function packBootModules(
  directory: string,
  { modules, list }: BootSet,
  signal: AbortSignal,
): Promise<Buffer> {
  const entries: CpioEntry[] = [
    { type: "file", path: "etc/modules.load", mode: 0o644, content: Buffer.from(list) },
  ];
  for (const { file, name } of modules) {
    const content = await readModule(join(directory, file), signal);
    entries.push({ type: "file", path: `lib/modules/${name}`, mode: 0o644, content });
  }
  return Buffer.concat([...writeCpio(entries)]);
}

/** The release that modules are made for, as the first of them says (`modinfo -F vermagic`); undefined when none does. */
export function vermagicOf(archive: Buffer): string | undefined {
  const mark = "vermagic=";
  const at = archive.indexOf(mark);
  if (at === -1) return undefined;
  return archive.toString("latin1", at + mark.length, at + mark.length + 128).split(" ")[0];
}

async function readModule(path: string, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of decompress(createReadStream(path), "auto", { signal })) pieces.push(piece);
  return Buffer.concat(pieces);
}
