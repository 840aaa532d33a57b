import type { Invocation } from "../../args/spec.ts";
import type { vmStop } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";

export async function run({ flags, positionals }: Invocation<typeof vmStop>, world: World): Promise<number> {
  const body = flags.timeout === undefined ? {} : { timeout: flags.timeout };
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.stop(target, body, call),
  });
}
