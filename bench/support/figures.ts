/** What was measured of one thing, in milliseconds unless said otherwise. */
export interface Figures {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function figures(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return {
    median: (low + high) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** Runs all works in turn, round after round, so that whatever else the host does hits each of them alike. */
export async function interleaved<Name extends string>(
  rounds: number,
  works: Record<Name, () => Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(works) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (const name of names) await works[name]();
  for (let round = 0; round < rounds; round += 1) {
    // The one that comes first may have it easier.
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) values[name].push(await works[name]());
  }
  return values;
}

/** Element by element. */
export function pairwise(
  values: readonly number[],
  baseline: readonly number[],
  combine: (value: number, base: number) => number,
): number[] {
  return values.map((value, index) => combine(value, baseline[index] ?? Number.NaN));
}

export const ratios = (values: readonly number[], baseline: readonly number[]): number[] =>
  pairwise(values, baseline, (value, base) => value / base);

export const differences = (values: readonly number[], baseline: readonly number[]): number[] =>
  pairwise(values, baseline, (value, base) => value - base);

/** Prints a line: the median, then the range, then what it is to be at most. */
export function report(what: string, values: readonly number[], unit: "ms" | "times", limit?: number): void {
  const { median, min, max } = figures(values);
  const show = (value: number): string => value.toFixed(unit === "times" ? 2 : value < 100 ? 1 : 0);
  const range = `(${show(min)}–${show(max)})`;
  const verdict =
    limit === undefined ? "" : `  at most ${limit}: ${median <= limit ? "holds" : "DOES NOT HOLD"}`;
  console.log(`${what.padEnd(52)} ${show(median).padStart(7)} ${unit} ${range}${verdict}`);
}
