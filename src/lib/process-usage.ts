import { readFile } from "node:fs/promises";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

/** What a process takes of the host. */
export interface ProcessUsage {
  /** Milliseconds of processor time since it started. */
  cpu: number;
  memory?: ProcessMemory;
}

/** Bytes of memory that are resident. */
export interface ProcessMemory {
  /** Pages that nobody else has: what its end would free (USS). */
  private: number;
  /** Pages that others have, too. */
  shared: number;
  /** The private ones and a fair part of the shared ones. */
  proportional: number;
}

/** Of the times in /proc: USER_HZ, which is 100 on every architecture that we run on. */
const ticksPerSecond = 100;

/** Undefined when the process is gone; without memory where the kernel does not tell it. */
export async function processUsage(process: ProcessIdentity): Promise<ProcessUsage | undefined> {
  const { pid } = process;
  const [stat, rollup] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""),
    readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => ""),
  ]);
  const cpu = parseProcessorTime(stat);
  // Looked at last: what was read is then its own.
  if (cpu === undefined || !isAlive(process)) return undefined;
  const memory = parseMemory(rollup);
  return { cpu, ...(memory ? { memory } : {}) };
}

/** Milliseconds in user and kernel mode, of all threads: fields 14 and 15 of /proc/PID/stat (proc(5)). */
export function parseProcessorTime(stat: string): number | undefined {
  // The name in field 2 may hold anything; the last parenthesis ends it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? (ticks * 1000) / ticksPerSecond : undefined;
}

/** /proc/PID/smaps_rollup (proc(5)). */
export function parseMemory(rollup: string): ProcessMemory | undefined {
  const amounts = new Map<string, number>();
  for (const [, name = "", kibibytes] of rollup.matchAll(/^(\w+): +(\d+) kB$/gm)) {
    amounts.set(name, Number(kibibytes) * 1024);
  }
  const proportional = amounts.get("Pss");
  if (proportional === undefined) return undefined;
  const sum = (...names: string[]): number => names.reduce((all, name) => all + (amounts.get(name) ?? 0), 0);
  return {
    private: sum("Private_Clean", "Private_Dirty"),
    shared: sum("Shared_Clean", "Shared_Dirty"),
    proportional,
  };
}
