import { resolve } from "node:path";
import type { RegisterImage } from "../../../model/api/requests.ts";
import { requireFlag } from "../../args/require.ts";
import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { imageRegister } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof imageRegister>,
  world: World,
): Promise<number> {
  const [path = ""] = positionals;
  const request = registerRequest(resolve(path), flags);
  const banger = world.connect();
  const image = await operate(world, flags, (call) => banger.images.register(request, call));
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}

function registerRequest(path: string, flags: Invocation<typeof imageRegister>["flags"]): RegisterImage {
  const { init, owner, size } = flags;
  const kernel = flags["kernel-ref"];
  return {
    name: requireFlag("image register", "--name NAME", flags.name),
    path,
    ...(kernel === undefined ? {} : { kernel }),
    ...(init === undefined ? {} : { init: init === "none" ? "" : init }),
    ...(owner === undefined ? {} : { owner }),
    ...(size === undefined ? {} : { size }),
  };
}
