import { printJson } from "../output/json.ts";
import type { World } from "../world.ts";
import { each, reportFailures } from "./each.ts";

/** Shows several things one below the other; as JSON one alone is an object, several are an array. */
export async function showEach<T>(
  world: World,
  flags: { json: boolean },
  targets: readonly string[],
  get: (target: string) => Promise<T>,
  describe: (value: T) => string,
): Promise<number> {
  const outcomes = await each(targets, get);
  const { values, count } = outcomes;
  if (!flags.json) world.stdout.write(values.map(describe).join("\n"));
  else if (count > 1) printJson(world.stdout, values);
  else for (const value of values) printJson(world.stdout, value);
  return reportFailures(outcomes, world, flags);
}
