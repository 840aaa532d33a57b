import type { Invocation } from "../../args/spec.ts";
import { attach } from "../../session/attach.ts";
import { sessionOptions } from "../../session/options.ts";
import { showTitle } from "../../session/title.ts";
import type { vmShell } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

export async function run({ flags, positionals }: Invocation<typeof vmShell>, world: World): Promise<number> {
  const [ref = ""] = positionals;
  const options = sessionOptions(flags, world.env);
  const banger = world.connect();
  const restore = showTitle(world, ref);
  try {
    return await attach(world, {}, options, (full) => banger.vms.exec(ref, full));
  } finally {
    restore();
  }
}
