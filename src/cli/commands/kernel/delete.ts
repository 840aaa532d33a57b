import { formatSize } from "../../../lib/size.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { kernelDelete } from "../../specs/kernel.ts";
import type { World } from "../../world.ts";
import { each, reportFailures } from "../each.ts";

export async function run(
  { flags, positionals }: Invocation<typeof kernelDelete>,
  world: World,
): Promise<number> {
  const banger = world.connect();
  const outcomes = await each(positionals, (name) => banger.kernels.delete(name, { force: flags.force }));
  if (flags.json) printJson(world.stdout, outcomes.values);
  else
    for (const { name, freed } of outcomes.values)
      world.stdout.write(`${name} deleted, freed ${formatSize(freed)}\n`);
  return reportFailures(outcomes, world, flags);
}
