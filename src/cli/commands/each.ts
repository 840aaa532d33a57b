import { asFault, type BangerError, isFault } from "../../lib/errors/error.ts";
import { printError } from "../output/error.ts";
import type { World } from "../world.ts";

export interface Outcomes<T> {
  /** What went well, in the order the targets were named. */
  values: T[];
  failures: { target: string; error: BangerError }[];
  /** How many different targets there were. */
  count: number;
}

/** Does the same for several targets at once, each named one once. One that fails does not stop the others. */
export async function each<T>(
  targets: readonly string[],
  work: (target: string) => Promise<T>,
): Promise<Outcomes<T>> {
  const distinct = [...new Set(targets)];
  const settled = await Promise.allSettled(distinct.map((target) => work(target)));
  const outcomes: Outcomes<T> = { values: [], failures: [], count: distinct.length };
  settled.forEach((outcome, i) => {
    if (outcome.status === "fulfilled") outcomes.values.push(outcome.value);
    else outcomes.failures.push({ target: distinct[i] as string, error: asFault(outcome.reason) });
  });
  return outcomes;
}

/** Prints an error for each target that failed; gives the exit status: 1 unless there was only one target. */
export function reportFailures(
  { failures, count }: Outcomes<unknown>,
  world: World,
  { json }: { json: boolean },
): number {
  for (const { target, error } of failures) {
    printError(world.stderr, error, { json, env: world.env }, { target });
  }
  const [first] = failures;
  if (!first) return 0;
  const stopped = failures.find(({ error }) => isFault(error, "interrupted"));
  if (stopped) return world.interrupts.status ?? stopped.error.exit;
  return count === 1 ? first.error.exit : 1;
}
