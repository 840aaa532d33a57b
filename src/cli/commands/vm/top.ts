import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { sortUsage, usageTable } from "../../output/usage.ts";
import type { vmTop } from "../../specs/vm-know.ts";
import type { World } from "../../world.ts";
import { intervalOf } from "./interval.ts";
import { lookAt, usageNow, usageScreen } from "./watch-usage.ts";

export async function run({ flags }: Invocation<typeof vmTop>, world: World): Promise<number> {
  const interval = intervalOf(flags.interval);
  const look = lookAt(world.connect(), () => true);
  if (world.stdout.isTTY && !flags.json) {
    await usageScreen(world, look, interval);
    return 0;
  }
  const usage = sortUsage(await usageNow(look, world.interrupts.signal), "cpu");
  if (flags.json) printJson(world.stdout, usage);
  else world.stdout.write(usageTable(usage, undefined));
  return 0;
}
