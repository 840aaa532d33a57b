import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { imagePromote } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof imagePromote>,
  world: World,
): Promise<number> {
  const [ref = ""] = positionals;
  const banger = world.connect();
  const image = await operate(world, flags, (call) => banger.images.promote(ref, call));
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}
