import type { Accelerator } from "../driver.ts";
import { type ClockSample, tscFrequency } from "./clock.ts";
import { probeGreeting, probeSamples } from "./guest-program.ts";

/** What the probe's guest came to. */
export interface ProbeOutcome {
  /** Everything it wrote on its serial port, up to a limit. */
  readonly output: Buffer;
  /** Whether QEMU ended with the status of a guest that came to its end, or how else. */
  readonly end: "passed" | "deadline" | { failed: string };
  /** What QEMU said on standard error. */
  readonly complaint: string | undefined;
}

/** Whether guests run under an accelerator. */
export type Verdict =
  | { accelerator: Accelerator; usable: true; tscKhz: number | undefined }
  | { accelerator: Accelerator; usable: false; reason: string };

/** QEMU's exit status after the guest wrote 42 to its debug-exit port (twice that, plus one). */
export const probeStatus = 85;

/** Judges by what the guest did; that QEMU started, or that a device file could be opened, counts for nothing. */
export function judge(accelerator: Accelerator, outcome: ProbeOutcome): Verdict {
  const unusable = (reason: string): Verdict => ({ accelerator, usable: false, reason });
  const { output, end, complaint } = outcome;
  const greeted = output.subarray(0, probeGreeting.length).toString("latin1") === probeGreeting;
  if (greeted && end === "passed") {
    return { accelerator, usable: true, tscKhz: tscFrequency(samplesOf(output)) };
  }
  if (output.length > 0 && !greeted) return unusable("a 64-bit guest computes wrong results in it");
  if (end === "passed") return unusable("a 64-bit guest ends in it before its time");
  if (complaint !== undefined) return unusable(`it runs no 64-bit guest: ${complaint}`);
  if (end === "deadline") return unusable("it opens, but a 64-bit guest makes no progress in it");
  return unusable(`it runs no 64-bit guest: QEMU ended with ${end.failed}`);
}

/** Pairs of u64, little-endian, after the greeting. */
function samplesOf(output: Buffer): ClockSample[] {
  const samples: ClockSample[] = [];
  for (let at = probeGreeting.length; at + 16 <= output.length && samples.length < probeSamples; at += 16) {
    samples.push({ tsc: output.readBigUInt64LE(at), timer: output.readUInt16LE(at + 8) });
  }
  return samples;
}
