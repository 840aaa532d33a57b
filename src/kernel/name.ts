import { fault } from "../lib/errors/error.ts";

export function isKernelName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/**
 * Checks the name of a kernel, which is the name of its directory as well.
 *
 * @throws invalid_value
 */
export function checkKernelName(name: string): string {
  if (isKernelName(name)) return name;
  const expected = "1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit";
  throw fault("invalid_value", { what: "the name of the kernel", value: name, expected });
}
