import { detachedContext } from "../lib/context.ts";
import { sleep } from "../lib/deadline.ts";
import { messageOf } from "../lib/errors/error.ts";
import { isAlive, type ProcessIdentity, signalProcess } from "../lib/process-identity.ts";
import type { VmState } from "../model/vm.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { Machine } from "../vmm/driver.ts";
import { cleanUp } from "./clean-up.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { VmParts } from "./parts.ts";
import { isOfThisHostBoot, readRuntime, type StoredRuntime } from "./runtime.ts";
import { superviseMachine } from "./start.ts";

/** Milliseconds that a stray process has to vanish after SIGKILL. */
const killDeadline = 5000;

/**
 * Makes records, processes and files agree after an earlier daemon, however it ended: deletions are finished, machines that
 * run are taken over, those that do not are noted as stopped, and what belongs to none is cleared away. One thing that
 * cannot be put right does not keep the others from it.
 */
export async function reconcile(parts: VmParts, lifecycle: Lifecycle): Promise<void> {
  const { files, vms, log } = parts;
  for (const id of await files.retired()) {
    vms.delete(id);
    await cleanUp(log, "finishing a deletion", () => files.purge(id));
  }
  const adopted = await Promise.all(vms.all().map((record) => takeOver(parts, lifecycle, record)));
  await endStrays(parts, adopted);
  const scoped = lifecycle.scoped(detachedContext());
  for (const record of vms.all().filter((one) => one.ephemeral)) {
    await cleanUp(log, "removing an ephemeral machine", () =>
      lifecycle.exclusively(record, scoped, (handle) => lifecycle.erase(handle)),
    );
  }
  await removeLeftovers(parts);
  await parts.templates.removeLeftovers();
}

/** Returns the process that was taken over, if one was. */
async function takeOver(
  parts: VmParts,
  lifecycle: Lifecycle,
  record: VmRecord,
): Promise<ProcessIdentity | undefined> {
  const { id, name } = record;
  const handle = lifecycle.handles.get(id);
  const runtime = readRuntime(record);
  try {
    const machine = await adopt(parts, runtime);
    if (!machine) {
      const { state, reason } = await verdict(parts, record, runtime);
      parts.vms.update(id, { state, reason, runtime: undefined });
      return undefined;
    }
    const init = runtime?.init;
    if (record.state === "starting" && !record.ephemeral) {
      lifecycle.background.start(`going on with the start of ${name}`, () =>
        lifecycle.resume(handle, record, machine, runtime ?? {}),
      );
    } else {
      // A stop that was cut off is not taken up again: whoever asked for it is gone.
      parts.vms.update(id, { state: "running", reason: undefined });
      lifecycle.watch(handle, superviseMachine(parts, { id, name, init }, machine));
    }
    return machine.runtime.process;
  } catch (error) {
    parts.log("taking a machine over failed", { vm: name, error: messageOf(error) });
    parts.vms.update(id, { state: "error", reason: messageOf(error) });
    return undefined;
  }
}

async function adopt(parts: VmParts, runtime: StoredRuntime | undefined): Promise<Machine | undefined> {
  if (!runtime || !isOfThisHostBoot(runtime)) return undefined;
  return await parts.driver.adopt(runtime.machine);
}

/** What to say of a machine that does not run. */
async function verdict(
  parts: VmParts,
  record: VmRecord,
  runtime: StoredRuntime | undefined,
): Promise<{ state: VmState; reason: string | undefined }> {
  const { state, reason, provisioned } = record;
  const resting = provisioned ? "stopped" : "created";
  if (!isActive(state)) return { state, reason };
  if (!runtime) return { state: resting, reason: "its start was cut off when the daemon ended" };
  if (!isOfThisHostBoot(runtime)) return { state: "stopped", reason: "the host restarted" };
  const end = await parts.driver.lastWords(runtime.machine);
  // A stop that was asked for and came to its end needs no explanation.
  return { state: "stopped", reason: state === "stopping" && end.expected ? undefined : end.reason };
}

function isActive(state: VmState): boolean {
  return state === "starting" || state === "running" || state === "stopping";
}

/** Ends machines that no record knows of: a daemon was killed between starting and noting them. */
async function endStrays(parts: VmParts, adopted: readonly (ProcessIdentity | undefined)[]): Promise<void> {
  const ours = new Set(adopted.map((process) => process?.pid));
  const found = await parts.driver.find(parts.files.runRoot);
  const strays = found.map((stray) => stray.process).filter((process) => !ours.has(process.pid));
  for (const stray of strays) {
    parts.log("ending a machine that nobody knows of", { pid: stray.pid });
    signalProcess(stray, "SIGKILL");
  }
  const deadline = performance.now() + killDeadline;
  while (strays.some((stray) => isAlive(stray)) && performance.now() < deadline) await sleep(10);
  reportUndead(parts, strays);
}

function reportUndead(parts: VmParts, strays: readonly ProcessIdentity[]): void {
  for (const stray of strays) {
    if (isAlive(stray)) parts.log("a stray machine cannot be ended", { pid: stray.pid });
  }
}

async function removeLeftovers(parts: VmParts): Promise<void> {
  const { files, vms, log } = parts;
  for (const id of await files.runIds()) {
    const record = vms.get(id);
    if (record && isActive(record.state)) continue;
    await cleanUp(log, "removing a run directory", () => files.removeRunDirectory(id));
  }
  for (const id of await files.ids()) {
    if (vms.get(id)) continue;
    // Nothing we do leaves a disk without a record: this one is of a database that was moved away, and may be missed.
    if (await files.hasDisk(id)) {
      log("a machine's directory has no record", { directory: files.directory(id) });
      continue;
    }
    await cleanUp(log, "removing a machine's leftovers", async () => {
      await files.retire(id);
      await files.purge(id);
    });
  }
}
