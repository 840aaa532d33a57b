import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../lib/context.ts";
import { asFault, fault } from "../../lib/errors/error.ts";
import type { ImageManifest } from "../../model/image.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { Machine, MachineSpec } from "../../vmm/driver.ts";
import { mountOptions } from "../bring-up.ts";
import { cleanUp } from "../clean-up.ts";
import { guestFiles } from "../guest-files.ts";
import { newVmId } from "../identity.ts";
import { machineSpec } from "../machine-spec.ts";
import type { VmParts } from "../parts.ts";
import type { Agent } from "../ports.ts";
import { generateKey } from "../ssh/key.ts";
import { type TemplateManifest, templateFiles, templateId, templateKey } from "./manifest.ts";
import { systemUp } from "./system-up.ts";

/** Of the machine that a template is taken from. Every copy replaces it. */
const placeholder = "localhost";
/** Milliseconds for the whole of it. */
const patience = 600_000;

/** What a template is made of. */
export interface TemplateWish {
  /** Name or id. */
  readonly image: string;
  /** The image's own when absent. */
  readonly kernel?: string | undefined;
  readonly spec: VmSpec;
}

/**
 * Boots a machine that nobody uses and that has no identity, waits until its system is fully up, and freezes it: memory, devices and disk
 * of one moment. Nothing of it is left but the template, and nothing at all when it fails. One that exists is not made again.
 *
 * @throws template_failed, and what driver, image, kernel and guest throw
 */
export async function buildTemplate(
  parts: VmParts,
  wish: TemplateWish,
  context: Context,
): Promise<TemplateManifest> {
  const began = performance.now();
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patience)]);
  const scoped = { ...context, signal };
  const { manifest: image, rootfs } = await parts.images.ensure(wish.image, scoped);
  const kernel = wish.kernel ?? image.kernel;
  await parts.kernels.ensure(kernel, scoped);
  const boot = await parts.kernels.bootFiles(kernel, scoped);
  const accelerator = await parts.chooseAccelerator(scoped);
  const commandLine = parts.kernelCommandLine(accelerator);
  const id = newVmId();
  const vm = { id, name: placeholder, spec: wish.spec };
  const nowhere = { path: "", format: "qcow2" as const };
  const shape = machineSpec(vm, parts.files, { disk: nowhere, boot, accelerator, commandLine });
  const key = templateKey(image.id, await parts.driver.snapshotKey(shape, signal));
  const made = templateId(key, wish.spec.disk);
  const known = (await parts.templates.list()).find(({ manifest }) => manifest.id === made);
  if (known) return known.manifest;
  try {
    return await parts.templates.add(made, async (staging) => {
      await parts.files.prepareRun(id);
      const disk = await parts.driver.createDisk(
        { directory: staging, base: rootfs, size: wish.spec.disk },
        signal,
      );
      const spec: MachineSpec = {
        ...machineSpec(vm, parts.files, { disk, boot, accelerator, commandLine }),
        logDirectory: staging,
        consoleLog: join(staging, "console.log"),
        memoryFile: join(staging, templateFiles.memory),
        background: true,
      };
      await freeze(parts, spec, image, join(staging, templateFiles.state), scoped);
      // Whatever the driver calls it.
      if (disk.path !== join(staging, templateFiles.disk))
        await rename(disk.path, join(staging, templateFiles.disk));
      for (const log of ["console.log", "vmm.log"]) await rm(join(staging, log), { force: true });
      return {
        version: 1,
        id: made,
        key,
        image: { id: image.id, name: image.name },
        kernel,
        spec: wish.spec,
        accelerator,
        createdAt: new Date().toISOString(),
        took: Math.round(performance.now() - began),
      };
    });
  } finally {
    await cleanUp(parts.log, "removing the run directory of a template", () =>
      parts.files.removeRunDirectory(id),
    );
  }
}

async function freeze(
  parts: VmParts,
  spec: MachineSpec,
  image: ImageManifest,
  state: string,
  context: Context,
): Promise<void> {
  const machine = await parts.driver.start(spec, context);
  const gone = new AbortController();
  void machine.ended.then((end) => gone.abort(fault("template_failed", { reason: end.reason })));
  const signal = AbortSignal.any([context.signal, gone.signal]);
  try {
    await comeUp(parts, spec, image, machine, signal);
    await machine.pause(signal);
    await machine.saveState(state, signal);
  } catch (error) {
    throw gone.signal.aborted && !context.signal.aborted ? asFault(gone.signal.reason) : error;
  } finally {
    await machine.quit();
  }
}

/** To the moment that all copies begin with: nobody is connected, nothing is under way, nothing of its own is remembered. */
async function comeUp(
  parts: VmParts,
  spec: MachineSpec,
  image: ImageManifest,
  machine: Machine,
  signal: AbortSignal,
): Promise<void> {
  const agent: Agent = await parts.connect({
    socket: machine.agentSocket,
    vm: `of a template of ${image.name}`,
    deadline: parts.deadlines.hello,
    signal,
  });
  try {
    const vm = { id: spec.id, name: placeholder, nat: spec.nic !== undefined, provisioned: false };
    await agent.mount(mountOptions(vm, randomBytes(64)), signal);
    const files = guestFiles(vm, generateKey(placeholder));
    await Promise.all(files.map((file) => agent.putFile(file, signal)));
    await agent.boot(image.init === undefined ? {} : { init: image.init }, signal);
    await systemUp(agent, parts.deadlines.settle, signal);
    await agent.quiesce({ forget: true }, signal);
  } finally {
    await agent.close();
  }
}
