import type { OutputStream } from "../world.ts";
import { cut, pad, printable, width } from "./width.ts";

export interface Column {
  title: string;
  align?: "left" | "right";
  /** May lose its end when the terminal is too narrow. */
  shrinks?: boolean;
}

const gap = "  ";
const narrowest = 6;

/** Lines of a table, titles first. `columns` is the width of the terminal; absent: as wide as it needs. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  limit: number | undefined,
): string {
  const cells = rows.map((row) => row.map((cell) => printable(cell)));
  const all = [columns.map(({ title }) => title), ...cells];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => width(row[i] ?? ""))));
  if (limit !== undefined) fit(widths, columns, limit);
  return all.map((row) => `${line(row, widths, columns)}\n`).join("");
}

/** The width to keep to: none when the output is not a terminal. */
export function terminalWidth(stream: OutputStream): number | undefined {
  return stream.isTTY ? stream.columns || undefined : undefined;
}

function line(row: readonly string[], widths: readonly number[], columns: readonly Column[]): string {
  const parts = widths.map((columnWidth, i) => {
    const text = cut(row[i] ?? "", columnWidth);
    return pad(text, columnWidth, columns[i]?.align === "right" ? "left" : "right");
  });
  return parts.join(gap).trimEnd();
}

/** Takes columns away from the widest of those that may shrink. */
function fit(widths: number[], columns: readonly Column[], limit: number): void {
  const total = (): number => widths.reduce((sum, each) => sum + each, gap.length * (widths.length - 1));
  for (let over = total() - limit; over > 0; over -= 1) {
    let widest = -1;
    columns.forEach(({ shrinks }, i) => {
      const own = widths[i] ?? 0;
      if (shrinks && own > narrowest && own > (widths[widest] ?? 0)) widest = i;
    });
    if (widest === -1) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
