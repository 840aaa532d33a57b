import { formatSize } from "../../../lib/size.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { templateDelete } from "../../specs/template.ts";
import type { World } from "../../world.ts";
import { each, reportFailures } from "../each.ts";

export async function run(
  { flags, positionals }: Invocation<typeof templateDelete>,
  world: World,
): Promise<number> {
  const banger = world.connect();
  const outcomes = await each(positionals, (ref) => banger.templates.delete(ref));
  if (flags.json) printJson(world.stdout, outcomes.values);
  else
    for (const { id, freed } of outcomes.values)
      world.stdout.write(`${id} deleted, freed ${formatSize(freed)}\n`);
  return reportFailures(outcomes, world, flags);
}
