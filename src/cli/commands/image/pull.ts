import type { PullImage } from "../../../model/api/requests.ts";
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
  // Only building takes tools, and what is built has a bare name.
  if (!/[/:@]/.test(name)) await requireHostTools(world, "image");
  const banger = world.connect();
  const image = await operate(world, flags, (call) => banger.images.pull(pullRequest(name, flags), call));
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}

function pullRequest(name: string, flags: Invocation<typeof imagePull>["flags"]): PullImage {
  const { platform, size, insecure } = flags;
  const kernel = flags["kernel-ref"];
  return {
    name,
    ...(flags.name === undefined ? {} : { as: flags.name }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(platform === undefined ? {} : { platform }),
    ...(size === undefined ? {} : { size }),
    ...(insecure ? { insecure } : {}),
  };
}
