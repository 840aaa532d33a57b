import type { Invocation } from "../../args/spec.ts";
import type { vmRestart } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";

export async function run(
  { flags, positionals }: Invocation<typeof vmRestart>,
  world: World,
): Promise<number> {
  const body = flags.timeout === undefined ? {} : { timeout: flags.timeout };
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.restart(target, body, call),
  });
}
