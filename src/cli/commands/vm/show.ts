import { formatSize } from "../../../lib/size.ts";
import type { Vm } from "../../../model/vm.ts";
import type { Invocation } from "../../args/spec.ts";
import { details } from "../../output/details.ts";
import { duration, moment } from "../../output/time.ts";
import { originLine } from "../../output/timing.ts";
import type { vmShow } from "../../specs/vm-look.ts";
import type { World } from "../../world.ts";
import { showEach } from "../show-each.ts";
import { sizeLine } from "./set.ts";

export async function run({ flags, positionals }: Invocation<typeof vmShow>, world: World): Promise<number> {
  const banger = world.connect();
  return await showEach(
    world,
    flags,
    positionals,
    (ref) => banger.vms.show(ref),
    (vm) => vmDetails(vm, world.now()),
  );
}

function vmDetails(vm: Vm, now: number): string {
  const { timing } = vm;
  const identity = vm.origin?.identity;
  return details([
    ["name", vm.name],
    ["id", vm.id],
    ["state", vm.reason === undefined ? vm.state : `${vm.state}: ${vm.reason}`],
    ["image", `${vm.image.name} (${vm.image.id})`],
    ["kernel", vm.kernel],
    ["size", sizeLine(vm.spec)],
    ["after a restart", vm.pending && sizeLine(vm.pending)],
    ["disk used", vm.diskUsed === undefined ? undefined : formatSize(vm.diskUsed)],
    ["driver", vm.accelerator === undefined ? vm.driver : `${vm.driver} (${vm.accelerator})`],
    ["process", vm.pid === undefined ? undefined : String(vm.pid)],
    ["deleted at its end", vm.ephemeral ? "yes" : undefined],
    ["created", moment(vm.createdAt, now)],
    ["started", moment(vm.startedAt, now)],
    ["first start", vm.origin && originLine(vm.origin)],
    ["machine id", identity?.machineId],
    ["boot id", identity?.bootId],
    ["ssh host key", identity?.hostKey],
    [
      "random pool",
      identity && `drawn anew from ${identity.entropy} bits of the host, ${moment(identity.at, now)}`,
    ],
    ["start took", timing && duration(timing.reduce((sum, { ms }) => sum + ms, 0))],
  ]);
}
