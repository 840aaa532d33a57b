import { requireFlag } from "../../args/require.ts";
import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { vmCommit } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof vmCommit>,
  world: World,
): Promise<number> {
  const [ref = ""] = positionals;
  const name = requireFlag("vm commit", "--name IMAGE", flags.name);
  const banger = world.connect();
  const request = { name, ...(flags.stop ? { stop: true } : {}) };
  const image = await operate(world, flags, (call) => banger.vms.commit(ref, request, call));
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}
