import type { Invocation } from "../../args/spec.ts";
import type { vmKill } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";

export async function run({ flags, positionals }: Invocation<typeof vmKill>, world: World): Promise<number> {
  const body = flags.signal === undefined ? {} : { signal: flags.signal.toUpperCase().replace(/^SIG/, "") };
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.kill(target, body, call),
  });
}
