import { fault } from "../../lib/errors/error.ts";
import { type ModuleGraph, moduleName } from "./dependencies.ts";

/** What the agent loads from the initramfs, in the order of the sections of `/etc/modules.load` (docs/agent-protocol.md). */
const sections = [
  // The channel to the host.
  { needed: ["virtio_pci", "virtio_console"], useful: [] },
  // The disks. A kernel whose ext4 asks for crc32c by its algorithm does not name it as a dependency.
  { needed: ["virtio_blk", "ext4"], useful: ["crc32c_generic"] },
  // The network card, only in machines that have one.
  { needed: ["virtio_net"], useful: [] },
];

export interface BootModule {
  /** Relative to the directory of the release, perhaps compressed. */
  file: string;
  /** Plain file name in the initramfs. */
  name: string;
}

export interface BootSet {
  modules: BootModule[];
  /** Content of `/etc/modules.load`. */
  list: string;
}

/**
 * Chooses the modules that a machine needs before it has its own.
 *
 * @param options `lenient` when somebody else has looked for what is missing
 * @throws kernel_unusable when the kernel lacks one that nothing works without
 */
export function chooseBootModules(
  kernel: string,
  graph: ModuleGraph,
  options: { lenient?: boolean } = {},
): BootSet {
  const missing = sections.flatMap(({ needed }) => needed).filter((name) => !graph.has(name));
  if (missing.length > 0 && !options.lenient) {
    throw fault("kernel_unusable", { name: kernel, problem: `it has no ${missing.join(", no ")}` });
  }
  const modules = new Map<string, BootModule>();
  const blocks = sections.map(({ needed, useful }) => {
    const files = graph.loadOrder([...useful, ...needed]).filter((file) => !modules.has(file));
    for (const file of files) modules.set(file, { file, name: `${moduleName(file)}.ko` });
    return files.map((file) => `${moduleName(file)}.ko\n`).join("");
  });
  return { modules: [...modules.values()], list: blocks.join("--\n") };
}
