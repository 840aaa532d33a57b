import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import { requireHostTools } from "../../setup/require.ts";
import type { templateBuild } from "../../specs/template.ts";
import type { World } from "../../world.ts";
import { shapeRequest } from "../vm/create-request.ts";

export async function run({ flags }: Invocation<typeof templateBuild>, world: World): Promise<number> {
  await requireHostTools(world, "machine");
  const banger = world.connect();
  const template = await operate(world, flags, (call) => banger.templates.build(shapeRequest(flags), call));
  if (flags.json) printJson(world.stdout, template);
  else world.stdout.write(`${template.id}\n`);
  return 0;
}
