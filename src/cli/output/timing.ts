import type { VmTiming } from "../../model/vm.ts";
import { table } from "./table.ts";
import { duration } from "./time.ts";

/** The phases of a start as a table with their sum. */
export function timingTable(timing: VmTiming): string {
  const total = timing.reduce((sum, { ms }) => sum + ms, 0);
  const rows = [...timing, { phase: "total", ms: total }].map(({ phase, ms }) => [phase, duration(ms)]);
  return table([{ title: "PHASE" }, { title: "TIME", align: "right" }], rows, undefined);
}
