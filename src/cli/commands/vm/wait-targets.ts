import { fault } from "../../../lib/errors/error.ts";
import { readWaitTarget } from "../../../model/wait-target.ts";

/** @throws invalid_value, naming the flag */
export function waitTargets(flag: string, texts: readonly string[]): string[] {
  for (const text of texts) {
    if (readWaitTarget(text)) continue;
    throw fault("invalid_value", { what: flag, value: text, expected: "agent, system, exit or port:N" });
  }
  return [...texts];
}
