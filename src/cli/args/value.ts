import { fault } from "../../lib/errors/error.ts";
import { parseSize } from "../../lib/size.ts";
import type { FlagKind } from "./spec.ts";

/** The value of a flag as its kind says. `shown` is the flag as it was written. @throws invalid_value */
export function readValue(kind: FlagKind, shown: string, text: string): string | number {
  switch (kind) {
    case "int":
      return readInt(shown, text);
    case "size":
      return parseSize(shown, text);
    default:
      return text;
  }
}

function readInt(shown: string, text: string): number {
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) {
    throw fault("invalid_value", { what: shown, value: text, expected: "a whole number" });
  }
  return value;
}
