import { fault } from "../../../lib/errors/error.ts";

const usual = 2;
const longest = 3600;

/** Milliseconds of `--interval`. @throws invalid_value */
export function intervalOf(seconds: number = usual): number {
  if (seconds >= 1 && seconds <= longest) return seconds * 1000;
  throw fault("invalid_value", {
    what: "--interval",
    value: String(seconds),
    expected: `seconds from 1 to ${longest}`,
  });
}
