import { pad, printable, width } from "./width.ts";

/** Lines of names and values, the values under each other; those without a value are left out. */
export function details(rows: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const column = Math.max(0, ...shown.map(([name]) => width(name)));
  return shown.map(([name, value]) => `${pad(`${name}:`, column + 1)}  ${printable(value)}\n`).join("");
}
