import { writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { WriteModules } from "../../../src/kernel/modules/drive.ts";
import { KernelService, type KernelServiceOptions } from "../../../src/kernel/service.ts";
import type { Context, Progress } from "../../../src/lib/context.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { FakeArchive } from "./fake-archive.ts";
import { kernelDependencies, kernelFiles, makeDeb } from "./kernel-package.ts";

export const release = "6.1.0-1-cloud-amd64";

export interface Setup {
  folder: string;
  kernels: string;
  cache: string;
  archive: FakeArchive;
  service: KernelService;
  /** A further service on the same directories, as another process would have it. */
  another(options?: Partial<KernelServiceOptions>): KernelService;
}

/** Writes names and contents one after the other instead of a file system. */
export const writeModulesPlainly: WriteModules = async (tree, path) => {
  const lines: string[] = [];
  for await (const member of tree.members()) {
    const pieces: Buffer[] = [];
    for await (const piece of member.content) pieces.push(piece);
    lines.push(
      `${member.type} ${member.path} ${member.mode.toString(8)} ${Buffer.concat(pieces).toString()}`,
    );
  }
  await writeFile(path, lines.join("\n"));
};

export async function fakeDepmod(tree: string, name: string): Promise<void> {
  const directory = join(tree, "lib/modules", name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "modules.dep"), kernelDependencies);
}

/** Kernels with `generic-6.1` and `generic-6.12` in the catalog and in the archive, none of them local. */
export async function setUp(t: TestContext, options: Partial<KernelServiceOptions> = {}): Promise<Setup> {
  const folder = temporaryDirectory(t);
  const archive = new FakeArchive(folder);
  const image = `linux-image-${release}`;
  for (const suite of ["bookworm", "trixie"]) {
    archive.add(suite, "linux-image-cloud-amd64", "6.1.5-1", { depends: `${image} (= 6.1.5-1)` });
    archive.add(suite, image, "6.1.5-1", { content: await makeDeb(kernelFiles(release)) });
  }
  const agentBinary = join(folder, "agent");
  writeFileSync(agentBinary, "the agent");
  const kernels = join(folder, "kernels");
  const cache = join(folder, "cache");
  const another = (more: Partial<KernelServiceOptions> = {}): KernelService =>
    new KernelService({
      directory: kernels,
      cache,
      archive,
      agentBinary,
      depmod: fakeDepmod,
      writeModules: writeModulesPlainly,
      ...options,
      ...more,
    });
  return { folder, kernels, cache, archive, service: another(), another };
}

/** A context that collects what is reported. */
export function listening(signal: AbortSignal = new AbortController().signal) {
  const events: Progress[] = [];
  const context: Context = { signal, report: (event) => events.push(event) };
  return { events, context };
}
