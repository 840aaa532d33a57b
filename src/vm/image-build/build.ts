import { randomBytes } from "node:crypto";
import type { ImageDescription } from "../../image/store/store.ts";
import { type Context, detachedContext, step } from "../../lib/context.ts";
import { fault, isFault } from "../../lib/errors/error.ts";
import type { BuildImage } from "../../model/api/build.ts";
import type { Image, ImageManifest } from "../../model/image.ts";
import type { VmRecord } from "../../store/vm-repository.ts";
import { cleanUp } from "../clean-up.ts";
import { writeImage } from "../commit/commit.ts";
import { createVm } from "../create.ts";
import { runInGuest } from "../guest-command.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { VmParts } from "../parts.ts";
import type { Agent } from "../ports.ts";
import { type ReadyStep, readySteps } from "./steps.ts";

/** Bytes that the steps have for what they add, when no size was asked for. */
const room = 2 * 2 ** 30;
/** Milliseconds for a machine to shut down before it is ended. */
const shutdown = 60_000;
const readiness = 150_000;

/** Where systemd is, steps wait until it has started everything: they may want to talk to it. */
const waitForInit = `
command -v systemctl >/dev/null && [ -d /run/systemd/system ] || exit 0
i=0
while [ $i -lt 240 ]; do
  case $(systemctl is-system-running 2>/dev/null) in running|degraded|maintenance) exit 0 ;; esac
  i=$((i + 1))
  sleep 0.5
done`;

/**
 * Makes an image in a machine that lives no longer than that: boots it, carries out the steps in their order, shuts it down and makes an
 * image of its disk. Nothing remains of what fails, is cancelled or is cut off: the machine is an ephemeral one.
 *
 * @throws image_step_failed, image_file_missing, image_file_invalid, image_exists, and what creating a machine, `commitDisk` and
 *   copying into a machine throw
 */
export async function buildImage(
  parts: VmParts,
  lifecycle: Lifecycle,
  request: BuildImage,
  context: Context,
): Promise<Image> {
  const steps = await readySteps(request.steps);
  const fill = async (rootfs: string, scoped: Context): Promise<ImageDescription> => {
    const { manifest } = await parts.images.ensure(request.from, scoped);
    const record = await boot(parts, lifecycle, request, manifest, scoped);
    try {
      await carryOut(parts, lifecycle, { request, record, manifest, steps }, scoped);
      return await take(parts, lifecycle, { request, record, steps }, rootfs, scoped);
    } finally {
      await remove(parts, lifecycle, record.id);
    }
  };
  const message = `building ${request.name} from ${request.from}`;
  return await step(context, "image.build", message, () => parts.images.make(request.name, fill, context));
}

async function boot(
  parts: VmParts,
  lifecycle: Lifecycle,
  { kernel, vcpu, memory, size, nat }: BuildImage,
  base: ImageManifest,
  context: Context,
): Promise<VmRecord> {
  const wanted = {
    name: `build-${randomBytes(4).toString("hex")}`,
    image: base.id,
    disk: size ?? base.rootfs.size + room,
    ephemeral: true,
    ...(kernel === undefined ? {} : { kernel }),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(nat === undefined ? {} : { nat }),
  };
  const id = await createVm(parts, lifecycle, wanted, context);
  // The end of a session that somebody else has in it is not the machine's.
  lifecycle.handles.get(id).owner = Symbol("build");
  const record = parts.vms.get(id);
  if (!record) throw fault("vm_not_found", { ref: wanted.name });
  return record;
}

interface Work {
  request: BuildImage;
  record: VmRecord;
  manifest: ImageManifest;
  steps: readonly ReadyStep[];
}

async function carryOut(
  parts: VmParts,
  lifecycle: Lifecycle,
  { request, record, manifest, steps }: Work,
  context: Context,
): Promise<void> {
  const { signal } = context;
  const { live } = lifecycle.handles.get(record.id);
  if (!live) throw fault("vm_failed", { name: record.name, reason: "it ended before the first step" });
  const agent = await live.agent(parts.deadlines.hello, signal);
  if (manifest.init !== undefined) await untilReady(agent, context);
  const env = [...(manifest.config?.env ?? []), ...(request.env ?? [])];
  for (const [index, ready] of steps.entries()) {
    const number = `${index + 1} of ${steps.length}`;
    const stage = `image.build.${index + 1}`;
    let last = "";
    const onLine = (line: string): void => {
      last = line.trim() || last;
      context.report({ stage, state: "note", message: line });
    };
    const setting = { env, cwd: manifest.config?.workdir, signal, onLine };
    const status = await step(context, stage, `step ${number}: ${ready.title}`, async () => {
      const code = await ready.carryOut(agent, setting);
      if (code !== 0) throw stepFailed(parts, lifecycle, request, record, { number, ready, code, last });
      return code;
    }).catch((error: unknown) => {
      if (!request.keepFailed || isFault(error, "interrupted", "image_step_failed")) throw error;
      keep(parts, lifecycle, record);
      throw error;
    });
    if (status !== 0) return;
  }
}

function stepFailed(
  parts: VmParts,
  lifecycle: Lifecycle,
  request: BuildImage,
  record: VmRecord,
  failed: { number: string; ready: ReadyStep; code: number; last: string },
): Error {
  if (request.keepFailed) keep(parts, lifecycle, record);
  const { number, ready, code: status, last } = failed;
  const vm = request.keepFailed ? record.name : undefined;
  return fault("image_step_failed", { name: request.name, number, step: ready.title, status, last, vm });
}

/** Makes the machine one that stays. */
function keep(parts: VmParts, lifecycle: Lifecycle, { id }: VmRecord): void {
  lifecycle.handles.get(id).owner = undefined;
  parts.vms.update(id, { ephemeral: false });
}

async function untilReady(agent: Agent, context: Context): Promise<void> {
  await step(context, "image.build.ready", "waiting for its system to be up", async () => {
    const spec = { args: ["/bin/sh", "-c", waitForInit], cwd: "/" };
    const options = { signal: context.signal, timeout: readiness, what: "the start of its system" };
    await runInGuest(agent, spec, options).catch((error: unknown) => {
      // Steps that need no shell do without it.
      if (!isFault(error, "exec_failed")) throw error;
    });
  });
}

async function take(
  parts: VmParts,
  lifecycle: Lifecycle,
  { request, record, steps }: Omit<Work, "manifest">,
  rootfs: string,
  context: Context,
): Promise<ImageDescription> {
  return await lifecycle.exclusively(record, context, async (handle, present) => {
    await lifecycle.halt(handle, present, shutdown, context);
    const changes = {
      kind: "build",
      detail: `${steps.length} ${steps.length === 1 ? "step" : "steps"} on ${present.image.name}`,
      env: request.env ?? [],
      steps: steps.map(({ title }) => title),
    } as const;
    return await writeImage(parts, present, changes, rootfs, context);
  });
}

/** Unless somebody wanted to keep it, or was faster. */
async function remove(parts: VmParts, lifecycle: Lifecycle, id: string): Promise<void> {
  const record = parts.vms.get(id);
  if (!record?.ephemeral) return;
  await cleanUp(parts.log, "removing the machine of a build", async () => {
    await lifecycle.exclusively(record, detachedContext(), (handle) => lifecycle.erase(handle));
  });
}
