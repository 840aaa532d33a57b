import { access } from "node:fs/promises";
import { type Context, step } from "../lib/context.ts";
import { asFault, type BangerError, fault, messageOf } from "../lib/errors/error.ts";
import type { VmDisk, VmRecord } from "../store/vm-repository.ts";
import type { DiskFile, Machine, MachineSpec } from "../vmm/driver.ts";
import { bringUp } from "./bring-up.ts";
import { cleanUp } from "./clean-up.ts";
import { keepTime } from "./clock.ts";
import { hostKeyComment } from "./identity.ts";
import { LiveMachine } from "./live-machine.ts";
import { MachineJournal } from "./logs/journal.ts";
import { machineSpec } from "./machine-spec.ts";
import type { VmParts } from "./parts.ts";
import type { Agent } from "./ports.ts";
import { type ImageSetup, storeRuntime } from "./runtime.ts";
import { applyPending } from "./spec.ts";
import { Stopwatch } from "./stopwatch.ts";
import { chooseOrigin } from "./templates/choose.ts";
import { copyDisk } from "./templates/copy.ts";
import type { Template } from "./templates/store.ts";

/**
 * Starts a machine that does not run, up to the point where its agent runs commands: a new one as a copy of a template where there is
 * one, unless `cold`. When that fails nothing of it runs, and its record says why.
 *
 * @throws vm_failed, guest_unreachable, interrupted, and what driver, image, kernel and guest throw
 */
export async function startMachine(
  parts: VmParts,
  before: VmRecord,
  watch: Stopwatch,
  context: Context,
  options: { cold: boolean } = { cold: false },
): Promise<LiveMachine> {
  return await orRollBack(parts, before, context, () =>
    step(context, "vm.start", `starting ${before.name}`, async () => {
      const record = begin(parts, before);
      const ready = await prepare(parts, record, watch, context);
      const copied = await tryTemplate(parts, record, ready, options.cold, watch, context);
      if (copied) return copied;
      const disk = await readyDisk(parts, record, ready.rootfs, context.signal);
      watch.lap("disk");
      const machine = await parts.driver.start(ready.spec(disk), context);
      watch.lap("vmm");
      return await finish(parts, record, machine, ready.image, watch, context);
    }),
  );
}

/** Goes on with the start of a machine that an earlier daemon could not finish. Throws as `startMachine`. */
export async function resumeStart(
  parts: VmParts,
  record: VmRecord,
  machine: Machine,
  image: ImageSetup,
  context: Context,
): Promise<LiveMachine> {
  return await orRollBack(parts, record, context, () =>
    finish(parts, record, machine, image, new Stopwatch(), context, interruptedCopy(record)),
  );
}

/** Nobody knows how far it came: it may not have been told how large its disk is. */
function interruptedCopy(record: VmRecord): Copy | undefined {
  const copied = record.origin?.path === "template" && !record.provisioned;
  return copied ? { grown: record.disk?.size } : undefined;
}

async function orRollBack<T>(
  parts: VmParts,
  before: VmRecord,
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  const { id, name } = before;
  try {
    return await work();
  } catch (error) {
    const failure = context.signal.aborted
      ? fault("interrupted", { what: `starting vm ${name}` }, error)
      : asFault(error);
    // A start that somebody stopped is no failure of the machine.
    const verdict =
      failure.code === "interrupted"
        ? { state: before.provisioned ? ("stopped" as const) : ("created" as const), reason: undefined }
        : { state: "error" as const, reason: failure.message };
    await cleanUp(parts.log, `removing the run directory of ${name}`, () =>
      parts.files.removeRunDirectory(id),
    );
    await cleanUp(parts.log, `noting how ${name} failed`, async () => {
      parts.vms.update(id, { ...verdict, runtime: undefined });
    });
    throw failure;
  }
}

function begin(parts: VmParts, before: VmRecord): VmRecord {
  const spec = applyPending(before.spec, before.pending);
  const record = parts.vms.update(before.id, {
    state: "starting",
    reason: undefined,
    spec,
    pending: undefined,
  });
  if (!record) throw fault("vm_not_found", { ref: before.name });
  return record;
}

/** What a start needs beside the machine's disk. */
interface Ready {
  readonly image: ImageSetup;
  readonly rootfs: string;
  spec(disk: DiskFile): MachineSpec;
}

async function prepare(parts: VmParts, record: VmRecord, watch: Stopwatch, context: Context): Promise<Ready> {
  const { id } = record;
  const { manifest, rootfs } = await parts.images.ensure(record.image.id, context);
  watch.lap("image");
  await parts.kernels.ensure(record.kernel, context);
  const boot = await parts.kernels.bootFiles(record.kernel, context);
  watch.lap("kernel");
  const accelerator = await parts.chooseAccelerator(context);
  watch.lap("probe");
  await parts.files.prepare(id);
  const commandLine = parts.kernelCommandLine(accelerator);
  const spec = (disk: DiskFile): MachineSpec =>
    machineSpec(record, parts.files, { disk, boot, accelerator, commandLine });
  return { image: manifest, rootfs, spec };
}

/** A machine that has never run, as a copy of a template; undefined when it has to boot. Notes which, and why. */
async function tryTemplate(
  parts: VmParts,
  record: VmRecord,
  ready: Ready,
  cold: boolean,
  watch: Stopwatch,
  context: Context,
): Promise<LiveMachine | undefined> {
  if (record.disk || record.provisioned) return undefined;
  const shape = ready.spec({ path: "", format: "qcow2" });
  const { origin, template } = await chooseOrigin(parts, record, shape, { cold, signal: context.signal });
  parts.vms.update(record.id, { origin });
  watch.lap("template");
  if (!template) return undefined;
  try {
    return await restore(parts, record, ready, template, watch, context);
  } catch (error) {
    if (context.signal.aborted) throw error;
    const { id } = template.manifest;
    const reason = `template ${id} could not be restored: ${messageOf(error)}`;
    parts.log("dropping a template", { vm: record.name, template: id, error: messageOf(error) });
    await cleanUp(parts.log, "dropping a template", () => parts.templates.remove(id));
    await parts.files.clear(record.id);
    parts.vms.update(record.id, { disk: undefined, runtime: undefined, origin: { path: "cold", reason } });
    watch.lap("failed");
    return undefined;
  }
}

async function restore(
  parts: VmParts,
  record: VmRecord,
  ready: Ready,
  template: Template,
  watch: Stopwatch,
  context: Context,
): Promise<LiveMachine> {
  const disk = await copyDisk(parts, record, template, context);
  parts.vms.update(record.id, { disk });
  watch.lap("disk");
  // Made meanwhile, and in no case left under way: a start that begins anew empties the directory.
  const [restored, key] = await Promise.allSettled([
    parts.driver.restore(ready.spec(disk), template.snapshot, context),
    parts.files.hostKey(record.id, hostKeyComment(record.name)),
  ]);
  if (restored.status === "rejected") throw restored.reason;
  const machine = restored.value;
  if (key.status === "rejected") {
    await machine.quit();
    throw key.reason;
  }
  watch.lap("restore");
  const grown = template.manifest.spec.disk < disk.size ? disk.size : undefined;
  return await finish(parts, record, machine, ready.image, watch, context, { grown });
}

/** The machine's disk, made at its first start and grown to what was asked for since. */
async function readyDisk(
  parts: VmParts,
  record: VmRecord,
  base: string,
  signal: AbortSignal,
): Promise<VmDisk> {
  const { id, name, spec } = record;
  if (!record.disk) {
    await parts.files.clear(id);
    const made = await parts.driver.createDisk(
      { directory: parts.files.directory(id), base, size: spec.disk },
      signal,
    );
    const disk = { ...made, size: spec.disk };
    parts.vms.update(id, { disk });
    return disk;
  }
  await access(record.disk.path).catch((error: unknown) => {
    throw fault("vm_failed", { name, reason: `its disk ${record.disk?.path} is gone` }, error);
  });
  if (record.disk.size >= spec.disk) return record.disk;
  await parts.driver.growDisk(record.disk, spec.disk, signal);
  const disk = { ...record.disk, size: spec.disk };
  parts.vms.update(id, { disk });
  return disk;
}

interface Copy {
  /** Bytes of its disk, where that is larger than what it was copied from. */
  readonly grown: number | undefined;
}

async function finish(
  parts: VmParts,
  record: VmRecord,
  machine: Machine,
  image: ImageSetup,
  watch: Stopwatch,
  context: Context,
  copy?: Copy,
): Promise<LiveMachine> {
  const grown = copy === undefined || copy.grown !== undefined;
  const vm = { id: record.id, name: record.name, init: image.init, grown };
  const journal = new MachineJournal(parts.files.logs(vm.id), parts.log);
  try {
    // From here on a daemon that is killed finds the machine by its record; before, by its run directory.
    parts.vms.update(vm.id, { runtime: storeRuntime(machine.runtime, image) });
    if (copy?.grown !== undefined) await machine.announceDiskSize(0, copy.grown, context.signal);
    const hello = copy ? parts.deadlines.restored : parts.deadlines.hello;
    const agent = await bootGuest(parts, vm, machine, { hello, journal }, watch, context);
    const live = superviseMachine(parts, vm, machine, { agent, journal });
    parts.vms.update(vm.id, {
      state: "running",
      reason: undefined,
      startedAt: new Date().toISOString(),
      timing: watch.timing,
    });
    return live;
  } catch (error) {
    await machine.quit();
    await journal.close();
    throw error;
  }
}

async function bootGuest(
  parts: VmParts,
  vm: { id: string; name: string; init: string | undefined; grown: boolean },
  machine: Machine,
  { hello, journal }: { hello: number; journal: MachineJournal },
  watch: Stopwatch,
  context: Context,
): Promise<Agent> {
  const gone = new AbortController();
  void machine.ended.then((end) => gone.abort(fault("vm_failed", { name: vm.name, reason: end.reason })));
  const signal = AbortSignal.any([context.signal, gone.signal]);
  let agent: Agent | undefined;
  try {
    // Made while the guest's kernel starts, which takes longer.
    await parts.files.hostKey(vm.id, hostKeyComment(vm.name));
    agent = await parts.connect({
      socket: machine.agentSocket,
      vm: vm.name,
      deadline: hello,
      signal,
      onLog: (line) => journal.say(line),
    });
    watch.lap("hello");
    await bringUp(parts, vm, agent, signal, (phase) => watch.lap(phase));
    return agent;
  } catch (error) {
    await agent?.close();
    if (context.signal.aborted) throw error;
    // The end of the machine comes before what it did to the channel.
    const failure = gone.signal.aborted ? asFault(gone.signal.reason) : asFault(error);
    throw await withConsole(parts, vm, failure, error);
  }
}

/** What went wrong, and as its cause what the guest's console says of it. */
async function withConsole(
  parts: VmParts,
  vm: { id: string; name: string },
  failure: BangerError,
  error: unknown,
): Promise<BangerError> {
  const tail = await parts.files.consoleTail(vm.id);
  const cause = fault("guest_console", { tail }, error);
  if (failure.code === "vm_failed")
    return fault("vm_failed", failure.params as { name: string; reason: string }, cause);
  const reason =
    failure.code === "guest_unreachable" ? (failure.params as { reason: string }).reason : failure.message;
  return fault("guest_unreachable", { vm: vm.name, reason }, cause);
}

/** Watches over a machine that runs, whoever started it. */
export function superviseMachine(
  parts: VmParts,
  vm: { id: string; name: string; init: string | undefined },
  machine: Machine,
  present: { agent?: Agent; journal?: MachineJournal } = {},
): LiveMachine {
  const options = {
    name: vm.name,
    connect: parts.connect,
    bringUp: (next: Agent, signal: AbortSignal) => bringUp(parts, vm, next, signal),
    keepTime: (next: Agent, signal: AbortSignal) => keepTime(next, vm.name, parts.log, signal),
    onReady: (next: Agent) => parts.network.attach(vm, next),
    journal: present.journal ?? new MachineJournal(parts.files.logs(vm.id), parts.log),
    deadlines: parts.deadlines,
    log: parts.log,
  };
  return new LiveMachine(machine, options, present.agent);
}
