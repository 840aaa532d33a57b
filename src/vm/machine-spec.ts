import type { VmSpec } from "../model/vm.ts";
import type { Accelerator, DiskFile, MachineSpec } from "../vmm/driver.ts";
import { macAddress } from "./identity.ts";
import type { BootFiles } from "./ports.ts";
import type { VmFiles } from "./vm-files.ts";

/** How the agent tells the disks apart. */
export const serials = { root: "banger-root", modules: "banger-modules" };

/** What the driver is asked to run. */
export function machineSpec(
  vm: { id: string; name: string; spec: VmSpec },
  files: VmFiles,
  from: { disk: DiskFile; boot: BootFiles; accelerator: Accelerator; commandLine: string },
): MachineSpec {
  const { id, name, spec } = vm;
  return {
    id,
    name,
    runDirectory: files.runDirectory(id),
    logDirectory: files.directory(id),
    consoleLog: files.consoleLog(id),
    accelerator: from.accelerator,
    vcpu: spec.vcpu,
    memory: spec.memory,
    kernel: {
      vmlinuz: from.boot.vmlinuz,
      initramfs: from.boot.initramfs,
      commandLine: from.commandLine,
    },
    disks: [
      { path: from.disk.path, format: from.disk.format, serial: serials.root, readOnly: false },
      { path: from.boot.modules, format: "raw", serial: serials.modules, readOnly: true },
    ],
    nic: spec.nat ? { kind: "user", mac: macAddress(id) } : undefined,
  };
}
