import type { VmOrigin, VmTiming } from "../../model/vm.ts";
import { table } from "./table.ts";
import { duration } from "./time.ts";

/** The phases of a start as a table with their sum, and which way it went, if it was the first. */
export function timingTable(timing: VmTiming, origin?: VmOrigin): string {
  const total = timing.reduce((sum, { ms }) => sum + ms, 0);
  const rows = [...timing, { phase: "total", ms: total }].map(({ phase, ms }) => [phase, duration(ms)]);
  const way = origin ? `${originLine(origin)}\n` : "";
  return table([{ title: "PHASE" }, { title: "TIME", align: "right" }], rows, undefined) + way;
}

/** "template 3fa9c1d2e4b5", or "cold boot: --cold was given". */
export function originLine({ path, reason, template }: VmOrigin): string {
  return path === "template" ? `template ${template ?? ""}: ${reason}` : `cold boot: ${reason}`;
}
