import type { Accelerator } from "../driver.ts";

/** MiB of translated code that software emulation keeps: a busy systemd machine with Docker fills about half of it. */
const translationCache = 256;

/**
 * What real machines and the probe share: machine type, accelerator and processor, so that the probe speaks for the machine.
 *
 * `microvm` has no firmware menus, no graphics and no legacy devices to look for. Its interval timer, interrupt controllers and
 * clock stay on: under software emulation a kernel has nothing else to tell the time by. Its memory is left out of core dumps.
 */
export function processorArguments(accelerator: Accelerator): string[] {
  return [
    "-M",
    "microvm,pcie=on,acpi=on,dump-guest-core=off",
    "-accel",
    accelerator === "kvm" ? "kvm" : `tcg,thread=multi,tb-size=${translationCache}`,
    "-cpu",
    accelerator === "kvm" ? "host" : emulatedProcessor,
  ];
}

/**
 * The plain 64-bit model boots faster under emulation than one with all features. Added to it is what x86-64-v2 asks
 * for, because newer distributions are built for that, and RDRAND, so that the guest's random pool is full at once.
 */
const emulatedProcessor = "qemu64,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand";

/** Nothing that is not named on the command line, and a system call filter around QEMU itself. */
export const confinement = [
  "-nodefaults",
  "-no-user-config",
  "-display",
  "none",
  "-sandbox",
  "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
];
