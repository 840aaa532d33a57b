import type { Accelerator } from "./driver.ts";

/** What the probe found out about an accelerator that is used. */
export interface Acceleration {
  readonly name: Accelerator;
  /** Frequency of the guests' time stamp counter under software emulation, when it could be measured. */
  readonly tscKhz?: number | undefined;
}

/** Parameters of a machine's kernel (Linux: Documentation/admin-guide/kernel-parameters.txt). */
export function kernelCommandLine(acceleration: Acceleration): string {
  return [...common, ...(acceleration.name === "tcg" ? emulated(acceleration.tscKhz) : [])].join(" ");
}

const common = [
  "console=ttyS0",
  // Each character on the console is a port access, and each of those leaves the guest.
  "quiet",
  // A kernel that panicked starts over, as a server does.
  "panic=-1",
  // This machine knows no other reset than a triple fault. Left to itself, the kernel sooner or later jumps to the firmware,
  // which boots anew without QEMU noticing, and then nobody configures the guest.
  "reboot=t",
  // Self-tests of ciphers at every boot: an eighth of the time to the agent's hello under emulation.
  "cryptomgr.notests",
];

/**
 * Under software emulation there is no paravirtual clock, and the machine has no HPET nor ACPI timer. The kernel would measure
 * its time stamp counter against the interval timer, which fails when the host is busy, and then nothing is left that
 * tells the time: the boot hangs. So it is told the frequency, and to trust it, and not to test the timer.
 *
 * QEMU finds the translation of code again only where the code has the same virtual address. With every program at other
 * addresses, each start translates the dynamic linker and the C library anew: five times as long to start `true`.
 */
function emulated(tscKhz: number | undefined): string[] {
  const clock = tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`];
  return [...clock, "tsc=reliable", "no_timer_check", "norandmaps"];
}
