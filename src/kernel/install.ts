import { createHash } from "node:crypto";
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DebianArchive } from "../debian/archive.ts";
import type { DebianPackage } from "../debian/package.ts";
import type { Context, Progress } from "../lib/context.ts";
import { hashFile } from "../lib/hash-file.ts";
import type { KernelCatalogEntry, KernelManifest } from "../model/kernel.ts";
import { findKernelPackage } from "./find-package.ts";
import { makeBootArchive } from "./modules/boot-archive.ts";
import type { Depmod } from "./modules/depmod.ts";
import { modulesTree, type WriteModules } from "./modules/drive.ts";
import type { KernelStore } from "./store.ts";
import { unpackKernel } from "./unpack.ts";

export interface InstallTools {
  archive: Pick<DebianArchive, "select" | "fetch" | "discard">;
  store: KernelStore;
  depmod: Depmod;
  writeModules: WriteModules;
}

/**
 * Fetches a catalog kernel and adds it to the store, whole or not at all. The caller holds the lock of its name.
 *
 * @throws what DebianArchive throws, kernel_unusable, tool_missing (xz, depmod), no_space, interrupted
 */
export async function installKernel(
  entry: KernelCatalogEntry,
  tools: InstallTools,
  context: Context,
  options: { stage: string; message: string; replace: boolean },
): Promise<KernelManifest> {
  const pkg = await findKernelPackage(tools.archive, entry.source, context);
  const deb = await tools.archive.fetch(pkg, { ...context, report: asProgressOf(options, context) });
  context.report({ stage: "kernel.unpack", state: "note", message: `unpacking ${pkg.name} ${pkg.version}` });
  const manifest = await tools.store.add(
    entry.name,
    (staging) => fillKernel(entry, pkg, deb, staging, tools, context.signal),
    options,
  );
  // The kernel is what was wanted of it; kept, every upgrade would leave tens of megabytes behind.
  await tools.archive.discard(pkg);
  return manifest;
}

/** The download is the long part of a pull: its bytes are shown as the progress of the pull itself. */
function asProgressOf(step: { stage: string; message: string }, context: Context) {
  return (event: Progress): void => {
    if (event.state === "progress") context.report({ ...event, stage: step.stage, message: step.message });
  };
}

async function fillKernel(
  entry: KernelCatalogEntry,
  pkg: DebianPackage,
  deb: string,
  staging: string,
  tools: InstallTools,
  signal: AbortSignal,
): Promise<KernelManifest> {
  const tree = join(staging, "tree");
  const { name } = entry;
  const unpacked = await unpackKernel(name, deb, { vmlinuz: join(staging, "vmlinuz"), tree }, signal);
  const { release, modules, time } = unpacked;
  await tools.depmod(tree, release, signal);
  const boot = await makeBootArchive(name, modules, signal);
  await writeNew(join(staging, "modules.cpio"), boot);
  const drive = join(staging, "modules.ext4");
  await tools.writeModules(await modulesTree(modules, release, time), drive, signal);
  await rm(tree, { recursive: true });
  const manifest: KernelManifest = {
    version: 1,
    name,
    arch: entry.arch,
    distro: "debian",
    release,
    source: `${pkg.name} ${pkg.version}`,
    files: {
      vmlinuz: unpacked.vmlinuz,
      "modules.cpio": { size: boot.length, sha256: createHash("sha256").update(boot).digest("hex") },
      "modules.ext4": { size: (await stat(drive)).size, sha256: await hashFile(drive) },
    },
    createdAt: new Date().toISOString(),
  };
  await writeNew(join(staging, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

/** Writes a file that does not exist, onto stable storage. */
export async function writeNew(path: string, content: Buffer | string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
