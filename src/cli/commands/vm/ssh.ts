import type { Invocation } from "../../args/spec.ts";
import type { vmSsh } from "../../specs/ssh.ts";
import { remoteCommand } from "../../ssh/quote.ts";
import type { World } from "../../world.ts";

export async function run(invocation: Invocation<typeof vmSsh>, world: World): Promise<number> {
  const { flags, positionals, passthrough } = invocation;
  const [ref = ""] = positionals;
  // Asked first: what is missing is then said in our words, and not by a connection that fails.
  const { host, config } = await world.connect().vms.ssh(ref, world.interrupts.signal);
  const args = [
    ...["-F", config],
    ...(flags.tty === undefined ? [] : [flags.tty ? "-t" : "-T"]),
    ...(flags.user === undefined ? [] : ["-l", flags.user]),
    ...["--", host],
    ...(passthrough.length === 0 ? [] : [remoteCommand(passthrough)]),
  ];
  return await world.replace("ssh", args, "openssh-client");
}
