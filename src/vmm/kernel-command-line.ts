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
  // Each line of the console is thousands of port accesses, and each of those leaves the guest.
  "quiet",
  // A kernel that panicked starts over, as a server does.
  "panic=-1",
  // One serial port is looked for, not four.
  "8250.nr_uarts=1",
  // The random pool is filled from RDRAND at once, and by the agent before anything else runs.
  "random.trust_cpu=on",
  // No search for a keyboard controller, nor for BIOS disks: the machine has neither.
  "i8042.noaux",
  "edd=off",
];

/**
 * Under software emulation there is no paravirtual clock, and the machine has no HPET nor ACPI timer. The kernel would measure
 * its time stamp counter against the interval timer, which fails when the host is busy, and then nothing is left that
 * tells the time: the boot hangs. So it is told the frequency, and to trust it, and not to test the timer.
 */
function emulated(tscKhz: number | undefined): string[] {
  const clock = tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`];
  return [...clock, "tsc=reliable", "no_timer_check"];
}
