import type { GuestMetrics } from "../guest/metrics.ts";
import { messageOf } from "../lib/errors/error.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { VmStats } from "../model/stats.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { VmParts } from "./parts.ts";

/** Milliseconds that a guest may take to say how it is: who looks at many machines does not wait for one that hangs. */
const patience = 1000;

/** What a machine takes at this moment. Never rejects because of the guest. */
export async function measure(
  parts: Pick<VmParts, "driver" | "log">,
  record: VmRecord,
  live: LiveMachine | undefined,
  signal: AbortSignal,
): Promise<VmStats> {
  const { id, name, state, spec, disk } = record;
  const [host, metrics, allocated] = await Promise.all([
    live && processUsage(live.machine.runtime.process),
    live && askGuest(live, signal),
    disk && allocatedOn(parts, record),
  ]);
  return {
    id,
    name,
    state,
    at: Number(process.hrtime.bigint()) / 1e6,
    vcpu: spec.vcpu,
    ...(host ? { host } : {}),
    ...(metrics ? { guest: guestStats(metrics) } : {}),
    ...(disk && allocated !== undefined ? { disk: { allocated, size: disk.size } } : {}),
    ...(live ? { channel: live.traffic } : {}),
  };
}

async function askGuest(live: LiveMachine, signal: AbortSignal): Promise<GuestMetrics | undefined> {
  try {
    return await live.present?.metrics(AbortSignal.any([signal, AbortSignal.timeout(patience)]));
  } catch {
    // An agent that is older, hangs, or is just going: the rest is known all the same.
    return undefined;
  }
}

async function allocatedOn(
  { driver, log }: Pick<VmParts, "driver" | "log">,
  { name, disk }: VmRecord,
): Promise<number | undefined> {
  try {
    return disk && (await driver.diskUsed(disk));
  } catch (error) {
    log("measuring a disk failed", { vm: name, error: messageOf(error) });
    return undefined;
  }
}

function guestStats({ memory, root, ...rest }: GuestMetrics): NonNullable<VmStats["guest"]> {
  return {
    ...rest,
    ...(memory
      ? { memory: { total: memory.total, used: Math.max(0, memory.total - memory.available) } }
      : {}),
    ...(root ? { root: { total: root.total, used: Math.max(0, root.total - root.free) } } : {}),
  };
}
