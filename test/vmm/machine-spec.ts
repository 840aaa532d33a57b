import type { MachineSpec } from "../../src/vmm/driver.ts";

/** A machine as the tests describe it, with whatever a test wants different. */
export function exampleSpec(different: Partial<MachineSpec> = {}): MachineSpec {
  return {
    id: "0123456789ab",
    name: "brisk-otter",
    runDirectory: "/run/b/0123456789ab",
    logDirectory: "/state/vms/0123456789ab",
    consoleLog: "/state/vms/0123456789ab/console.log",
    accelerator: "tcg",
    vcpu: 2,
    memory: 2 ** 30,
    kernel: {
      vmlinuz: "/state/kernels/generic-6.1/vmlinuz",
      initramfs: "/cache/initramfs",
      commandLine: "console=ttyS0 quiet",
    },
    disks: [
      {
        serial: "banger-root",
        path: "/state/vms/0123456789ab/disk.qcow2",
        format: "qcow2",
        readOnly: false,
      },
      {
        serial: "banger-modules",
        path: "/state/kernels/generic-6.1/modules.ext4",
        format: "raw",
        readOnly: true,
      },
    ],
    ...different,
  };
}
