import { fault } from "./errors/error.ts";

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a time such as `30s`, `10m`, `1h30m`, `1.5h`; a bare number means seconds.
 *
 * @throws invalid_value, naming `what`
 */
export function parseDuration(what: string, text: string): number {
  const ms = durationOf(text);
  if (ms !== undefined) return ms;
  throw fault("invalid_value", { what, value: text, expected: "a time such as 30s, 10m or 1h30m" });
}

/** Undefined when the text is none. */
export function durationOf(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return bounded(Number(text) * 1000);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    sum += Number(amount) * (units[unit] ?? Number.NaN);
  }
  return bounded(sum);
}

function bounded(ms: number): number | undefined {
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}
