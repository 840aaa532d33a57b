import { fault } from "../../../lib/errors/error.ts";
import { killSignals } from "../../../model/signals.ts";
import type { Invocation } from "../../args/spec.ts";
import type { vmKill } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";
import { changeState } from "./change-state.ts";

export async function run({ flags, positionals }: Invocation<typeof vmKill>, world: World): Promise<number> {
  const body = flags.signal === undefined ? {} : { signal: signalOf(flags.signal) };
  return await changeState(world, {
    targets: positionals,
    flags,
    work: (banger, target, call) => banger.vms.kill(target, body, call),
  });
}

/** @throws invalid_value */
function signalOf(text: string): string {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if ((killSignals as readonly string[]).includes(name)) return name;
  throw fault("invalid_value", {
    what: "--signal",
    value: text,
    expected: `one of ${killSignals.join(", ")}`,
  });
}
