import { parseDuration } from "../../../lib/duration.ts";
import type { Invocation } from "../../args/spec.ts";
import type { vmWait } from "../../specs/vm-know.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";
import { waitTargets } from "./wait-targets.ts";

export async function run({ flags, positionals }: Invocation<typeof vmWait>, world: World): Promise<number> {
  const timeout = flags.timeout === undefined ? undefined : parseDuration("--timeout", flags.timeout) / 1000;
  const request = {
    for: waitTargets("--for", flags.for.length === 0 ? ["agent"] : flags.for),
    ...(timeout === undefined ? {} : { timeout }),
  };
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.wait(target, request, call),
  });
}
