import type { Progress } from "../../lib/context.ts";
import { formatSize } from "../../lib/size.ts";

/** How far a stage is: `12 MiB of 40 MiB (30%)`, `1,204 of 8,743`, or nothing when that is not known. */
export function amount({ current, total, unit }: Progress): string {
  if (current === undefined) return "";
  const show = (value: number): string =>
    unit === "bytes" ? formatSize(value) : value.toLocaleString("en-US");
  if (!total) return show(current);
  const share = Math.min(100, Math.floor((100 * current) / total));
  return `${show(current)} of ${show(total)} (${share}%)`;
}

/** How fast a stage that counts bytes is: `4.2 MiB/s`; nothing when that is not known, or nothing comes. */
export function speed({ unit, current }: Progress, perSecond: number | undefined): string {
  if (unit !== "bytes" || current === undefined || perSecond === undefined || perSecond < 1) return "";
  return `${formatSize(Math.round(perSecond))}/s`;
}
