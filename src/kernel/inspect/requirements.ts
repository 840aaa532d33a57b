import type { ModuleGraph } from "../modules/dependencies.ts";
import type { KernelConfig } from "./config.ts";

/** What is known of a kernel; what is absent is not known. */
export interface Evidence {
  config?: KernelConfig | undefined;
  /** Of the modules that come with it. */
  modules?: ModuleGraph | undefined;
}

export interface Judgement {
  /** Why no machine boots with it. */
  problems: string[];
  /** What its machines will lack. */
  warnings: string[];
}

interface Feature {
  /** Without `CONFIG_`. */
  option: string;
  /** Absent for what cannot be a module. */
  module?: string;
  purpose: string;
}

const needed: readonly Feature[] = [
  { option: "BLK_DEV_INITRD", purpose: "the guest agent starts from an initramfs" },
  { option: "BINFMT_ELF", purpose: "programs are ELF images" },
  { option: "PCI", purpose: "a machine's devices are on a PCI bus" },
  { option: "ACPI", purpose: "the bus is found by ACPI" },
  { option: "DEVTMPFS", purpose: "/dev is one" },
  { option: "PROC_FS", purpose: "/proc is one" },
  { option: "SYSFS", purpose: "/sys is one" },
  { option: "VIRTIO_PCI", module: "virtio_pci", purpose: "a machine's devices are of this kind" },
  { option: "VIRTIO_CONSOLE", module: "virtio_console", purpose: "the guest agent talks over it" },
  { option: "VIRTIO_BLK", module: "virtio_blk", purpose: "disks are of this kind" },
  { option: "EXT4_FS", module: "ext4", purpose: "root file systems are ext4" },
];

const useful: readonly Feature[] = [
  { option: "VIRTIO_NET", module: "virtio_net", purpose: "--nat gives no network" },
  { option: "OVERLAY_FS", module: "overlay", purpose: "Docker does not work" },
  { option: "BRIDGE", module: "bridge", purpose: "Docker has no network" },
  { option: "SQUASHFS", module: "squashfs", purpose: "squashfs files cannot be mounted" },
  {
    option: "VIRTIO_VSOCKETS",
    module: "vmw_vsock_virtio_transport",
    purpose: "drivers whose channel is a vsock cannot be used",
  },
  { option: "HW_RANDOM_VIRTIO", module: "virtio_rng", purpose: "the host's entropy does not come in" },
  { option: "CGROUPS", purpose: "systemd does not start" },
  { option: "SERIAL_8250_CONSOLE", purpose: "`vm logs` stays empty" },
];

/** Says beforehand whether machines will boot with a kernel, and what they will lack. */
export function judgeKernel(evidence: Evidence): Judgement {
  const problems = needed.flatMap((feature) => {
    const lack = lackOf(feature, evidence);
    return lack ? [`${lack}: ${feature.purpose}`] : [];
  });
  const warnings = useful.flatMap((feature) => {
    const lack = lackOf(feature, evidence);
    return lack ? [`${lack}: ${feature.purpose}`] : [];
  });
  if (!evidence.config) warnings.push(ignorance(evidence));
  return { problems, warnings };
}

/** Undefined when a kernel has it, or when nothing tells. */
function lackOf({ option, module }: Feature, { config, modules }: Evidence): string | undefined {
  const value = config?.get(option);
  if (value === "y") return undefined;
  if (module === undefined) return config ? `it has no CONFIG_${option}` : undefined;
  if (modules?.has(module)) return undefined;
  if (value === "m" && modules) return `its module ${module} is missing`;
  if (value === "m") return `its ${module} is a module, and no modules were given (--modules)`;
  return config || modules ? `it has no CONFIG_${option}` : undefined;
}

function ignorance({ modules }: Evidence): string {
  const unknown = modules ? "besides drivers" : "at all";
  return `no configuration was found (give it with --config): what it can do ${unknown} was not checked`;
}
