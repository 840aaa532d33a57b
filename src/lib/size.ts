import { fault } from "./errors/error.ts";

const units: Record<string, number> = { "": 2 ** 20, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const names = ["B", "KiB", "MiB", "GiB", "TiB"];

/**
 * Bytes of a size such as `4G`, `512M`, `1.5GiB`, `4096KiB`; a bare number means MiB. Powers of 1024 throughout.
 *
 * @throws invalid_value, naming `what`
 */
export function parseSize(what: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|(b)|)$/i.exec(text.trim());
  const bytes = match
    ? Number(match[1]) * (units[(match[2] ?? match[3] ?? "").toLowerCase()] ?? Number.NaN)
    : 0;
  if (!Number.isSafeInteger(Math.round(bytes)) || bytes < 1) {
    throw fault("invalid_value", { what, value: text, expected: "a size such as 512M, 4G or 1.5GiB" });
  }
  return Math.round(bytes);
}

/** Bytes as a person reads them, at most one decimal: `512 MiB`, `1.5 GiB`, `0 B`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
  return `${digits} ${names[unit]}`;
}
