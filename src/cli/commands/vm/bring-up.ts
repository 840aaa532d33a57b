import type { Banger } from "../../../client/banger.ts";
import type { CreateVm } from "../../../model/api/requests.ts";
import type { Vm } from "../../../model/vm.ts";
import { operate } from "../../operate.ts";
import { specLine } from "../../output/spec-line.ts";
import { timingTable } from "../../output/timing.ts";
import { requireHostTools } from "../../setup/require.ts";
import type { World } from "../../world.ts";
import { waitTargets } from "./wait-targets.ts";

/** Creates a machine, telling on standard error what it is going to be and how it comes along. */
export async function bringUp(
  world: World,
  banger: Banger,
  request: CreateVm,
  options: { quiet: boolean; timing: boolean; wait: readonly string[] },
): Promise<Vm> {
  const targets = waitTargets("--wait", options.wait);
  await requireHostTools(world, "machine");
  if (!options.quiet) world.stderr.write(`${specLine(request, await banger.defaults())}\n`);
  const vm = await operate(world, options, (call) => banger.vms.create(request, call));
  if (targets.length > 0)
    await operate(world, options, (call) => banger.vms.wait(vm.id, { for: targets }, call));
  if (options.timing && vm.timing) world.stderr.write(timingTable(vm.timing, vm.origin));
  return vm;
}
