import { fault } from "../../../lib/errors/error.ts";
import { parseDuration } from "../../args/duration.ts";
import { exactTail } from "../../args/exact.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { attach } from "../../session/attach.ts";
import { sessionOptions } from "../../session/options.ts";
import type { vmExec } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

export async function run(invocation: Invocation<typeof vmExec>, world: World): Promise<number> {
  const { flags, positionals, passthrough } = invocation;
  const [ref = ""] = positionals;
  const timeout = flags.timeout === undefined ? undefined : parseDuration("--timeout", flags.timeout);
  const options = { args: exactTail(passthrough), ...sessionOptions(flags, world.env), timeout };
  if (flags.detach && flags.tty) {
    const problem = "--detach and --tty exclude each other: a command that nobody watches has no terminal";
    throw fault("bad_usage", { problem, command: "vm exec" });
  }
  const banger = world.connect();
  if (!flags.detach) {
    return await attach(world, { tty: flags.tty }, options, (full) => banger.vms.exec(ref, full));
  }
  const id = await banger.vms.detach(ref, options);
  if (flags.json) printJson(world.stdout, { id });
  else world.stdout.write(`${id}\n`);
  return 0;
}
