import type { Banger } from "../../../client/banger.ts";
import { asFault } from "../../../lib/errors/error.ts";
import type { VmStats } from "../../../model/stats.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { terminalWidth } from "../../output/table.ts";
import { type Usage, usageTable } from "../../output/usage.ts";
import { write } from "../../output/write.ts";
import type { vmStats } from "../../specs/vm-know.ts";
import type { World } from "../../world.ts";
import { intervalOf } from "./interval.ts";
import { lookAt, usageNow, usageScreen, watchUsage } from "./watch-usage.ts";

export async function run({ flags, positionals }: Invocation<typeof vmStats>, world: World): Promise<number> {
  const interval = intervalOf(flags.interval);
  const banger = world.connect();
  const look = lookAt(banger, await wanted(banger, positionals));
  const { signal } = world.interrupts;
  if (!flags.watch) {
    const usage = await usageNow(look, signal);
    if (flags.json) printJson(world.stdout, usage);
    else world.stdout.write(usageTable(usage, terminalWidth(world.stdout)));
    return 0;
  }
  if (world.stdout.isTTY && !flags.json) {
    await usageScreen(world, look, interval);
    return 0;
  }
  const show = (usage: Usage[]): string =>
    flags.json ? `${JSON.stringify(usage)}\n` : usageTable(usage, undefined);
  for await (const usage of watchUsage(look, interval, signal)) await write(world.stdout, show(usage));
  return world.interrupts.status ?? 0;
}

/** Those that were named, or all that run. @throws vm_not_found, vm_ambiguous */
async function wanted(banger: Banger, refs: readonly string[]): Promise<(stats: VmStats) => boolean> {
  if (refs.length === 0) return ({ state }) => state === "running";
  const shown = await Promise.allSettled(refs.map((ref) => banger.vms.show(ref)));
  const ids = shown.map((result) => {
    if (result.status === "rejected") throw asFault(result.reason);
    return result.value.id;
  });
  return ({ id }) => ids.includes(id);
}
