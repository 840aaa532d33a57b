import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import { requireHostTools } from "../../setup/require.ts";
import type { kernelPull } from "../../specs/kernel.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof kernelPull>,
  world: World,
): Promise<number> {
  const [name = ""] = positionals;
  await requireHostTools(world, "kernel");
  const banger = world.connect();
  const { force } = flags;
  const kernel = await operate(world, flags, (call) => banger.kernels.pull(name, { force }, call));
  if (flags.json) printJson(world.stdout, kernel);
  else world.stdout.write(`${kernel.name}\n`);
  return 0;
}
