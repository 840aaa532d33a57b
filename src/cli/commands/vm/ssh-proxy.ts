import type { Invocation } from "../../args/spec.ts";
import { attach } from "../../session/attach.ts";
import type { vmSshProxy } from "../../specs/ssh.ts";
import type { World } from "../../world.ts";

export async function run({ positionals }: Invocation<typeof vmSshProxy>, world: World): Promise<number> {
  const [host = ""] = positionals;
  const banger = world.connect();
  const { id, command } = await banger.vms.ssh(host.replace(/\.vm$/, ""), world.interrupts.signal);
  const options = { args: command, user: "root", cwd: "/" };
  return await attach(world, { tty: false }, options, (full) => banger.vms.exec(id, full));
}
