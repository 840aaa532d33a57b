import type { OutputStream } from "../world.ts";

/** Prints a value as indented JSON. */
export function printJson(stream: OutputStream, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, 2)}\n`);
}
