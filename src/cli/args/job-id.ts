import { fault } from "../../lib/errors/error.ts";

/** The number of a detached command. @throws invalid_value */
export function parseJobId(text: string): number {
  const id = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (id > 0) return id;
  throw fault("invalid_value", { what: "ID", value: text, expected: "the number of a detached command" });
}
