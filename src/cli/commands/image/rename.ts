import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { imageRename } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof imageRename>,
  world: World,
): Promise<number> {
  const [ref = "", name = ""] = positionals;
  const image = await world.connect().images.rename(ref, name);
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.name}\n`);
  return 0;
}
