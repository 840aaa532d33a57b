import { isFault } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { write } from "../../output/write.ts";
import type { vmLogs } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

export async function run({ flags, positionals }: Invocation<typeof vmLogs>, world: World): Promise<number> {
  const [ref = ""] = positionals;
  const banger = world.connect();
  const { signal } = world.interrupts;
  try {
    for await (const chunk of banger.vms.logs(ref, { follow: flags.follow, signal })) {
      await write(world.stdout, chunk);
    }
    return 0;
  } catch (error) {
    // Following has no other end.
    if (signal.aborted && isFault(error, "interrupted", "channel_closed"))
      return world.interrupts.status ?? 0;
    throw error;
  }
}
