import { fault } from "../../lib/errors/error.ts";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What the agent counts in: 32 bits of milliseconds. */
const longest = 0xffff_ffff;

/** A time as `90`, `90s`, `1.5m`, `500ms`, `2h` or `1d`, in milliseconds; a bare number is seconds. @throws invalid_value */
export function parseDuration(what: string, text: string): number {
  const [, digits = "", unit = "s"] = /^(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Math.round(Number(digits) * (units[unit] ?? 0));
  if (digits !== "" && ms >= 1 && ms <= longest) return ms;
  throw fault("invalid_value", {
    what,
    value: text,
    expected: "a time such as 90s, 1.5m or 2h, of at most 49 days",
  });
}
