import { randomBytes } from "node:crypto";
import { type Context, step } from "../../lib/context.ts";
import { within } from "../../lib/deadline.ts";
import { fault, isFault, messageOf } from "../../lib/errors/error.ts";
import type { VmDisk } from "../../store/vm-repository.ts";
import type { DiskFile, Machine } from "../../vmm/driver.ts";
import { cleanUp } from "../clean-up.ts";
import { runInGuest } from "../guest-command.ts";
import { newVmId } from "../identity.ts";
import { machineSpec, serials } from "../machine-spec.ts";
import type { VmParts } from "../parts.ts";
import type { Agent } from "../ports.ts";
import { blankFiles, removeTraces } from "./traces.ts";

const memory = 256 * 2 ** 20;
/** Milliseconds. */
const removal = 120_000;

export interface SealedDisk {
  readonly name: string;
  readonly kernel: string;
  readonly disk: VmDisk;
}

/**
 * Makes a disk fit to be an image's, and has it used: a guest of its own mounts a copy-on-write layer over it, whereby its journal is
 * played back, takes out of it what made it that machine's, and unmounts it. Whatever was on the disk, it is that guest's kernel that
 * reads it, and the disk itself is not written to. The layer is gone afterwards; a daemon that is killed leaves a machine's directory
 * without a record, which the next one clears away.
 *
 * @throws vm_failed, guest_unreachable, interrupted, and what driver, kernels and `use` throw
 */
export async function withSealedDisk<T>(
  parts: VmParts,
  source: SealedDisk,
  context: Context,
  use: (disk: DiskFile) => Promise<T>,
): Promise<T> {
  const id = newVmId();
  try {
    const disk = await step(context, "vm.seal", `taking the identity out of a copy of ${source.name}`, () =>
      seal(parts, id, source, context),
    );
    return await use(disk);
  } finally {
    await cleanUp(parts.log, "removing the layer of a commit", async () => {
      await parts.files.retire(id);
      await parts.files.purge(id);
    });
  }
}

async function seal(
  parts: VmParts,
  id: string,
  { name, kernel, disk: base }: SealedDisk,
  context: Context,
): Promise<DiskFile> {
  const { signal } = context;
  await parts.kernels.ensure(kernel, context);
  const boot = await parts.kernels.bootFiles(kernel, context);
  const accelerator = await parts.chooseAccelerator(context);
  await parts.files.prepare(id);
  // Not named as a machine's own disk, which is never cleared away.
  const layer = { directory: parts.files.directory(id), base, size: base.size, name: "seal" };
  const disk = await parts.driver.createDisk(layer, signal);
  const commandLine = parts.kernelCommandLine(accelerator);
  const spec = { vcpu: 1, memory, disk: base.size, nat: false };
  const machine = await parts.driver.start(
    machineSpec({ id, name, spec }, parts.files, { disk, boot, accelerator, commandLine }),
    context,
  );
  try {
    await inGuest(parts, name, machine, context);
    return disk;
  } catch (error) {
    if (signal.aborted || isFault(error, "vm_failed")) throw error;
    const tail = await parts.files.consoleTail(id);
    const reason = `its disk could not be prepared for an image: ${messageOf(error)}`;
    throw fault("vm_failed", { name, reason }, fault("guest_console", { tail }, error));
  } finally {
    await machine.quit();
  }
}

async function inGuest(parts: VmParts, name: string, machine: Machine, context: Context): Promise<void> {
  const gone = new AbortController();
  void machine.ended.then((end) => gone.abort(fault("vm_failed", { name, reason: end.reason })));
  const signal = AbortSignal.any([context.signal, gone.signal]);
  const deadline = parts.deadlines.hello;
  const agent = await parts.connect({ socket: machine.agentSocket, vm: name, deadline, signal });
  try {
    const mount = { rootSerial: serials.root, rootFstype: "ext4", modulesSerial: serials.modules };
    await agent.mount({ ...mount, hostname: "localhost", entropy: randomBytes(64), grow: false }, signal);
    await Promise.all(blankFiles.map((file) => agent.putFile(file, signal)));
    // Without the image's own init: nothing that it starts is to write anything any more.
    await agent.boot({}, signal);
    await remove(agent, name, context, signal);
    await agent.shutdown("now", signal);
    await within("the power-off", parts.deadlines.powerOff, machine.ended, context.signal);
  } finally {
    await agent.close();
  }
}

/** An image without a shell has nothing that only a shell could have put there. */
async function remove(agent: Agent, name: string, context: Context, signal: AbortSignal): Promise<void> {
  try {
    const spec = { args: ["/bin/sh", "-c", removeTraces], cwd: "/" };
    await runInGuest(agent, spec, { signal, timeout: removal, what: "the removal of its identity" });
  } catch (error) {
    if (!isFault(error, "exec_failed")) throw error;
    const message = `${name} has no shell: what it has logged and its free blocks stay in the image`;
    context.report({ stage: "vm.seal", state: "note", message });
  }
}
