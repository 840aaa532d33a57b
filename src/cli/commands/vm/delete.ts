import type { Invocation } from "../../args/spec.ts";
import type { vmDelete } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";

export async function run(
  { flags, positionals }: Invocation<typeof vmDelete>,
  world: World,
): Promise<number> {
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.delete(target, call),
  });
}
