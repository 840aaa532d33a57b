import type { Banger, CallOptions } from "../../../client/banger.ts";
import type { Vm } from "../../../model/vm.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { World } from "../../world.ts";
import { each, reportFailures } from "../each.ts";

export interface StateChange {
  targets: readonly string[];
  flags: { json: boolean; quiet: boolean };
  work: (banger: Banger, target: string, call: CallOptions) => Promise<Vm>;
  /** Called for each machine that went well. */
  after?: (vm: Vm) => void;
}

/** Changes the state of machines, all at once, and prints the names of those where it went well. */
export async function changeState(
  world: World,
  { targets, flags, work, after }: StateChange,
): Promise<number> {
  const banger = world.connect();
  const several = new Set(targets).size > 1;
  const outcomes = await operate(world, flags, async ({ signal }, view) => {
    const done = await each(targets, (target) => {
      const label = several ? target : undefined;
      return work(banger, target, { signal, onProgress: (progress) => view.report(progress, label) });
    });
    if (done.failures.length > 0) view.end(true);
    return done;
  });
  const vms = outcomes.values;
  if (flags.json) printJson(world.stdout, vms);
  else world.stdout.write(vms.map(({ name }) => `${name}\n`).join(""));
  for (const vm of vms) after?.(vm);
  return reportFailures(outcomes, world, flags);
}
