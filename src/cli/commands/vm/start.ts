import type { Invocation } from "../../args/spec.ts";
import { timingTable } from "../../output/timing.ts";
import { requireHostTools } from "../../setup/require.ts";
import type { vmStart } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";

export async function run({ flags, positionals }: Invocation<typeof vmStart>, world: World): Promise<number> {
  await requireHostTools(world, "machine");
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.start(target, call),
    after: ({ timing }) => {
      if (flags.timing && timing) world.stderr.write(timingTable(timing));
    },
  });
}
