import { fault } from "../../lib/errors/error.ts";

/** The value of a flag that a command cannot do without. @throws bad_usage */
export function requireFlag<T>(command: string, shown: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw fault("bad_usage", { problem: `\`banger ${command}\` needs ${shown}`, command });
}
