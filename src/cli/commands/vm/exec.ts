import { exactTail } from "../../args/exact.ts";
import type { Invocation } from "../../args/spec.ts";
import { attach } from "../../session/attach.ts";
import { sessionOptions } from "../../session/options.ts";
import type { vmExec } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

export async function run(invocation: Invocation<typeof vmExec>, world: World): Promise<number> {
  const { flags, positionals, passthrough } = invocation;
  const [ref = ""] = positionals;
  const options = { args: exactTail(passthrough), ...sessionOptions(flags, world.env) };
  const banger = world.connect();
  return await attach(world, { tty: flags.tty }, options, (full) => banger.vms.exec(ref, full));
}
