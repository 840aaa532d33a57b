import type { Banger } from "../../../client/banger.ts";
import { sleep, within } from "../../../lib/deadline.ts";
import { isFault } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { daemonStop } from "../../specs/host.ts";
import type { World } from "../../world.ts";

const pollInterval = 50;
/** Milliseconds for the daemon to undo what runs and to end. */
const endLimit = 60_000;

export async function run({ flags }: Invocation<typeof daemonStop>, world: World): Promise<number> {
  const banger = world.connect({ autostart: false, anyBuild: true });
  const stopped = await banger.shutdown();
  const { signal } = world.interrupts;
  if (stopped) await within("the end of the daemon", endLimit, untilGone(banger, signal), signal);
  if (flags.json) printJson(world.stdout, { stopped });
  else
    world.stdout.write(stopped ? "the daemon has ended; machines keep running\n" : "no daemon was running\n");
  return 0;
}

/** It answers first and ends then. */
async function untilGone(banger: Banger, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await banger.info();
    } catch (error) {
      if (isFault(error, "daemon_unreachable")) return;
      throw error;
    }
    await sleep(pollInterval, signal);
  }
}
