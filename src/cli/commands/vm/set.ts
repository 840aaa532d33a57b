import { fault } from "../../../lib/errors/error.ts";
import { formatSize } from "../../../lib/size.ts";
import type { SetVm } from "../../../model/api/requests.ts";
import type { Vm } from "../../../model/vm.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { vmSet } from "../../specs/vm-look.ts";
import type { World } from "../../world.ts";
import { each, reportFailures } from "../each.ts";

export async function run({ flags, positionals }: Invocation<typeof vmSet>, world: World): Promise<number> {
  const change = changeOf(flags);
  const banger = world.connect();
  const outcomes = await each(positionals, (target) => banger.vms.set(target, change));
  if (flags.json) printJson(world.stdout, outcomes.values);
  else
    for (const vm of outcomes.values) world.stdout.write(`${vm.name}: ${sizeLine(vm.spec)}\n${waiting(vm)}`);
  return reportFailures(outcomes, world, flags);
}

/** @throws bad_usage when nothing is to change */
function changeOf({ vcpu, memory, disk, nat }: Invocation<typeof vmSet>["flags"]): SetVm {
  const given = Object.entries({ vcpu, memory, disk, nat }).filter(([, value]) => value !== undefined);
  if (given.length === 0) {
    const problem = "nothing to change: give --vcpu, --memory, --disk, --nat or --no-nat";
    throw fault("bad_usage", { problem, command: "vm set" });
  }
  return Object.fromEntries(given);
}

function waiting({ name, pending }: Vm): string {
  if (!pending) return "";
  return `${name}: after a restart: ${sizeLine(pending)} (banger vm restart ${name})\n`;
}

export function sizeLine({ vcpu, memory, disk, nat }: NonNullable<Vm["pending"]>): string {
  const parts = [
    ...(vcpu === undefined ? [] : [`${vcpu} vcpu`]),
    ...(memory === undefined ? [] : [`${formatSize(memory)} memory`]),
    ...(disk === undefined ? [] : [`${formatSize(disk)} disk`]),
    ...(nat === undefined ? [] : [nat ? "nat" : "no network card"]),
  ];
  return parts.join(" · ");
}
