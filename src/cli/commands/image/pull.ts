import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import { requireHostTools } from "../../setup/require.ts";
import type { imagePull } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof imagePull>,
  world: World,
): Promise<number> {
  const [name = ""] = positionals;
  await requireHostTools(world, "image");
  const banger = world.connect();
  const image = await operate(world, flags, (call) => banger.images.pull(name, call));
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}
