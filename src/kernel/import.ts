import { createHash } from "node:crypto";
import { chmod, constants, copyFile, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../lib/context.ts";
import { show } from "../lib/errors/define.ts";
import { errnoOf, fault, isFault, messageOf } from "../lib/errors/error.ts";
import { hashFile } from "../lib/hash-file.ts";
import type { KernelManifest } from "../model/kernel.ts";
import { parseKernelConfig } from "./inspect/config.ts";
import { inspectKernel, type KernelFacts } from "./inspect/inspect.ts";
import { judgeKernel } from "./inspect/requirements.ts";
import { writeNew } from "./install.ts";
import { packBootModules, readModuleGraph, vermagicOf } from "./modules/boot-archive.ts";
import { chooseBootModules } from "./modules/boot-set.ts";
import { ModuleGraph } from "./modules/dependencies.ts";
import type { Depmod } from "./modules/depmod.ts";
import { modulesTree, type WriteModules } from "./modules/drive.ts";

export interface ImportRequest {
  name: string;
  /** Absolute path of a bzImage or an ELF image. */
  from: string;
  /** Absolute path of a `lib/modules/<release>`. */
  modules?: string | undefined;
  /** Absolute path of the `.config` that it was built with. Default: what the kernel has in it, else `config-<release>` beside it. */
  config?: string | undefined;
}

export interface ImportTools {
  depmod: Depmod;
  writeModules: WriteModules;
}

const configLimit = 16 * 2 ** 20;

/**
 * Fills the directory of a kernel with one that the user has, if machines can boot it. What they will lack is reported as notes and
 * written into the manifest.
 *
 * @throws kernel_unusable, file_unusable, tool_missing (depmod, xz), tool_failed, no_space, interrupted
 */
export async function fillImported(
  request: ImportRequest,
  staging: string,
  tools: ImportTools,
  context: Context,
): Promise<KernelManifest> {
  const { name, from } = request;
  const { signal } = context;
  const facts = await inspectKernel(name, from, signal);
  const { release } = facts;
  const config = await configOf(request, facts);
  const tree = join(staging, "tree");
  const directory = await modulesDirectory(request, tree, release, tools.depmod, signal);
  const given = request.modules === undefined ? undefined : await readModuleGraph(directory);
  const evidence = { config: config === undefined ? undefined : parseKernelConfig(config), modules: given };
  const { problems, warnings } = judgeKernel(evidence);
  if (problems.length > 0) throw fault("kernel_unusable", { name, problem: problems.join("; ") });
  if (facts.unseen && !config) warnings.push(`its own configuration was not looked for: ${facts.unseen}`);
  for (const message of warnings) context.report({ stage: "kernel.import", state: "note", message });

  const set = chooseBootModules(name, given ?? new ModuleGraph("", ""), { lenient: true });
  const boot = await packBootModules(directory, set, signal);
  const vermagic = vermagicOf(boot);
  if (vermagic !== undefined && vermagic !== release) {
    const problem = `its modules are those of ${vermagic}, the kernel itself is ${release}`;
    throw fault("kernel_unusable", { name, problem });
  }
  await writeNew(join(staging, "modules.cpio"), boot);
  const drive = join(staging, "modules.ext4");
  const time = Math.floor((await stat(from)).mtimeMs / 1000);
  await tools.writeModules(await modulesTree(directory, release, time), drive, signal);
  await rm(tree, { recursive: true });
  const vmlinuz = join(staging, "vmlinuz");
  await copyNew(from, vmlinuz);
  const manifest: KernelManifest = {
    version: 1,
    name,
    arch: "amd64",
    distro: "imported",
    release,
    source: `${from} (${facts.format === "elf" ? "ELF image" : "bzImage"})`,
    ...(warnings.length > 0 ? { warnings } : {}),
    files: {
      vmlinuz: { size: (await stat(vmlinuz)).size, sha256: await hashFile(vmlinuz, signal) },
      "modules.cpio": { size: boot.length, sha256: createHash("sha256").update(boot).digest("hex") },
      "modules.ext4": { size: (await stat(drive)).size, sha256: await hashFile(drive, signal) },
    },
    createdAt: new Date().toISOString(),
  };
  await writeNew(join(staging, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

/** The text of the configuration; undefined when there is none to be found. */
async function configOf({ from, config }: ImportRequest, facts: KernelFacts): Promise<string | undefined> {
  if (config !== undefined) {
    const text = await readConfig(config);
    if (parseKernelConfig(text).size > 0) return text;
    throw fault("file_unusable", { path: config, reason: "it is not the configuration of a kernel" });
  }
  if (facts.config !== undefined) return facts.config;
  const beside = join(dirname(from), `config-${facts.release.replaceAll("/", "")}`);
  return await readConfig(beside).catch(() => undefined);
}

async function readConfig(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > configLimit)
      throw fault("file_unusable", { path, reason: "it is too large" });
    return await readFile(path, "latin1");
  } catch (error) {
    throw isFault(error) ? error : unreadable(path, error);
  }
}

/** A directory of modules with depmod's lists: the user's own, or a copy when it has none of them. */
async function modulesDirectory(
  { name, modules }: ImportRequest,
  tree: string,
  release: string,
  runDepmod: Depmod,
  signal: AbortSignal,
): Promise<string> {
  const copy = join(tree, "lib/modules", release);
  if (!/^[\w.+~-]+$/.test(release)) {
    throw fault("kernel_unusable", {
      name,
      problem: `its release ${show(release)} is no name of a directory`,
    });
  }
  await mkdir(copy, { recursive: true });
  if (modules === undefined) return copy;
  if (!(await isDirectory(modules)))
    throw fault("file_unusable", { path: modules, reason: "it is not a directory" });
  if (await exists(join(modules, "modules.dep"))) return modules;
  await copyTree(modules, copy, signal);
  await runDepmod(tree, release, signal);
  return copy;
}

/** Files and directories; links such as `build` lead to what is not wanted. */
async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (signal.aborted) throw fault("interrupted", { what: "copying modules" }, signal.reason);
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isFile()) await copyFile(source, target);
    if (!entry.isDirectory()) continue;
    await mkdir(target);
    await copyTree(source, target, signal);
  }
}

async function copyNew(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL);
  await chmod(to, 0o600);
  await using file = await open(to, "r");
  await file.sync();
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function unreadable(path: string, error: unknown): Error {
  const missing = errnoOf(error) === "ENOENT";
  return fault(
    "file_unusable",
    { path, reason: missing ? "there is no such file" : messageOf(error) },
    error,
  );
}
