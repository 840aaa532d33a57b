import type { TreeSource } from "../archive/tree/pack.ts";
import type { CopyResult } from "../archive/tree/unpack.ts";
import type { PackSpec, StoreSpec, UnpackSpec } from "../guest/copy.ts";
import { type Context, detachedContext, step } from "../lib/context.ts";
import { within } from "../lib/deadline.ts";
import { asFault, type BangerError, fault, isFault } from "../lib/errors/error.ts";
import type { PruneResult, SshTarget } from "../model/api/answers.ts";
import type { BuildImage } from "../model/api/build.ts";
import type {
  BuildTemplate,
  CommitVm,
  CreateVm,
  DetachRequest,
  DialRequest,
  ExecRequest,
  SetVm,
  WaitVm,
} from "../model/api/requests.ts";
import type { Image } from "../model/image.ts";
import type { Job } from "../model/job.ts";
import type { LogRequest } from "../model/log-request.ts";
import type { VmPorts } from "../model/ports.ts";
import type { VmStats } from "../model/stats.ts";
import type { Template } from "../model/template.ts";
import type { Vm, VmSpec } from "../model/vm.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { VmApi } from "./api.ts";
import { commitDisk } from "./commit/commit.ts";
import { createVm } from "./create.ts";
import { guestTree } from "./files.ts";
import type { VmHandle } from "./handle.ts";
import { buildImage } from "./image-build/build.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { LiveMachine } from "./live-machine.ts";
import { readLogs } from "./logs/read.ts";
import type { VmParts } from "./parts.ts";
import type { Agent, GuestConnection, GuestProcess } from "./ports.ts";
import { reconcile } from "./reconcile.ts";
import { findVm } from "./references.ts";
import { Sessions } from "./sessions.ts";
import { applyPending, changedSpec, defaultSpec, difference } from "./spec.ts";
import { measure } from "./stats.ts";
import { TemplateBuilder } from "./templates/builder.ts";
import { Templates, type TemplateUse } from "./templates/templates.ts";
import { viewOf } from "./view.ts";

/** Milliseconds for the guest to shut down when the request does not say. */
const usualTimeout = 30_000;
/** Those that end the monitor's process. */
const deadly: readonly NodeJS.Signals[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGABRT"];

/** The machines of one user. */
export class VmService implements VmApi {
  readonly #parts: VmParts;
  readonly #lifecycle: Lifecycle;
  readonly #sessions: Sessions;
  readonly #builder: TemplateBuilder;
  readonly #templates: Templates;

  constructor(parts: VmParts) {
    this.#parts = parts;
    this.#lifecycle = new Lifecycle(parts);
    this.#sessions = new Sessions(parts, this.#lifecycle);
    const { signal } = this.#lifecycle.scoped(detachedContext());
    this.#builder = new TemplateBuilder(parts, this.#lifecycle.background, signal);
    this.#templates = new Templates(parts, this.#builder);
  }

  async list(): Promise<Vm[]> {
    return await Promise.all(this.#parts.vms.all().map((record) => this.#view(record)));
  }

  async show(ref: string): Promise<Vm> {
    return await this.#view(this.#find(ref));
  }

  async stats(ref: string, signal: AbortSignal): Promise<VmStats> {
    return await this.#measure(this.#find(ref), signal);
  }

  async allStats(signal: AbortSignal): Promise<VmStats[]> {
    return await Promise.all(this.#parts.vms.all().map((record) => this.#measure(record, signal)));
  }

  /** What a machine gets when nothing is asked for. @throws invalid_value */
  defaults(): VmSpec {
    return defaultSpec(this.#parts.host, this.#parts.config);
  }

  async create(request: CreateVm, context: Context): Promise<Vm> {
    const id = await createVm(this.#parts, this.#lifecycle, request, this.#lifecycle.scoped(context));
    this.#started(id);
    return await this.show(id);
  }

  async start(ref: string, context: Context): Promise<Vm> {
    return await this.#change(ref, context, async (record, scoped) => {
      await this.#lifecycle.exclusively(record, scoped, async (handle, present) => {
        if (!handle.live) await this.#lifecycle.boot(handle, present, scoped);
      });
      this.#started(record.id);
    });
  }

  async stop(ref: string, options: { timeout?: number }, context: Context): Promise<Vm> {
    return await this.#change(ref, context, async (record, scoped) => {
      this.#lifecycle.interruptStart(this.#lifecycle.handles.get(record.id), record.name);
      await this.#lifecycle.exclusively(record, scoped, async (handle, present) => {
        await this.#lifecycle.halt(handle, present, milliseconds(options.timeout), scoped);
        if (present.ephemeral) await this.#lifecycle.erase(handle);
      });
    });
  }

  async restart(ref: string, options: { timeout?: number }, context: Context): Promise<Vm> {
    return await this.#change(ref, context, async (record, scoped) => {
      await this.#lifecycle.exclusively(record, scoped, async (handle, present) => {
        await this.#lifecycle.halt(handle, present, milliseconds(options.timeout), scoped);
        await this.#lifecycle.boot(handle, this.#parts.vms.get(record.id) ?? present, scoped);
      });
      this.#started(record.id);
    });
  }

  async kill(ref: string, options: { signal?: NodeJS.Signals }, context: Context): Promise<Vm> {
    const signal = options.signal ?? "SIGKILL";
    return await this.#change(ref, context, async (record, scoped) => {
      const handle = this.#lifecycle.handles.get(record.id);
      if (deadly.includes(signal)) this.#lifecycle.interruptStart(handle, record.name);
      // Not under the lock: a stop that hangs is what a kill is for.
      const { live, starting } = handle;
      if (!live && !starting) throw notRunning(this.#parts.vms.get(record.id) ?? record);
      live?.machine.signal(signal);
      if (deadly.includes(signal)) await this.#expectEnd(handle, live, scoped.signal);
    });
  }

  async remove(ref: string, context: Context): Promise<Vm> {
    const record = this.#find(ref);
    const scoped = this.#lifecycle.scoped(context);
    this.#lifecycle.interruptStart(this.#lifecycle.handles.get(record.id), record.name);
    return await step(scoped, "vm.delete", `deleting ${record.name}`, async () => {
      const view = await this.#view(record);
      await this.#erase(record, scoped);
      return view;
    });
  }

  async prune(context: Context): Promise<PruneResult> {
    const result: PruneResult = { deleted: [], freed: 0 };
    const scoped = this.#lifecycle.scoped(context);
    for (const record of this.#parts.vms.all()) {
      const handle = this.#lifecycle.handles.get(record.id);
      if (handle.live || handle.lock.busy) continue;
      const view = await this.#view(record);
      await this.#erase(record, scoped);
      result.deleted.push(view.name);
      result.freed += view.diskUsed ?? 0;
    }
    return result;
  }

  async set(ref: string, request: SetVm): Promise<Vm> {
    const { vms, host } = this.#parts;
    const record = this.#find(ref);
    const wanted = changedSpec(record.name, applyPending(record.spec, record.pending), request, host);
    const patch = !isUnderWay(record)
      ? { spec: wanted, pending: undefined }
      : { pending: difference(record.spec, wanted) };
    return await this.#view(vms.update(record.id, patch) ?? record);
  }

  async commit(ref: string, { name, stop = false }: CommitVm, context: Context): Promise<Image> {
    const record = this.#find(ref);
    const scoped = this.#lifecycle.scoped(context);
    return await this.#lifecycle.exclusively(record, scoped, async (handle, present) => {
      if (stop) await this.#lifecycle.halt(handle, present, usualTimeout, scoped);
      if (handle.live) throw isRunning(present, "commit it");
      const message = `committing ${present.name} as ${name}`;
      return await step(scoped, "vm.commit", message, () => commitDisk(this.#parts, present, name, scoped));
    });
  }

  async buildImage(request: BuildImage, context: Context): Promise<Image> {
    return await buildImage(this.#parts, this.#lifecycle, request, this.#lifecycle.scoped(context));
  }

  async detach(ref: string, request: DetachRequest, signal: AbortSignal): Promise<number> {
    return await this.#sessions.detach(this.#find(ref), request, signal);
  }

  async jobs(ref: string, signal: AbortSignal): Promise<Job[]> {
    return await this.#sessions.jobs(this.#find(ref), signal);
  }

  async killJob(ref: string, id: number, name: string, signal: AbortSignal): Promise<void> {
    await this.#sessions.killJob(this.#find(ref), id, name, signal);
  }

  async exec(ref: string, request: ExecRequest, signal: AbortSignal): Promise<GuestProcess> {
    return await this.#sessions.exec(this.#find(ref), request, signal);
  }

  async ssh(ref: string, signal: AbortSignal): Promise<SshTarget> {
    return await this.#sessions.ssh(this.#find(ref), signal);
  }

  async pack(ref: string, spec: PackSpec, signal: AbortSignal): Promise<AsyncGenerator<Buffer>> {
    return await guestTree.pack(await this.#agent(ref, signal), spec, signal);
  }

  async unpack(
    ref: string,
    spec: UnpackSpec,
    archive: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyResult> {
    return await guestTree.unpack(await this.#agent(ref, signal), spec, archive, signal);
  }

  async store(
    ref: string,
    spec: StoreSpec,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyResult> {
    return await guestTree.store(await this.#agent(ref, signal), spec, content, signal);
  }

  async copyIn(
    ref: string,
    sources: readonly TreeSource[],
    spec: UnpackSpec,
    signal: AbortSignal,
  ): Promise<CopyResult> {
    return await guestTree.copyIn(await this.#agent(ref, signal), sources, spec, signal);
  }

  async dial(ref: string, request: DialRequest, signal: AbortSignal): Promise<GuestConnection> {
    return await this.#sessions.dial(this.#find(ref), request, signal);
  }

  async ports(ref: string): Promise<VmPorts> {
    return this.#parts.network.ports(this.#find(ref).id);
  }

  async logs(ref: string, request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer | string>> {
    return readLogs(this.#parts.files.logs(this.#find(ref).id), request, signal);
  }

  async wait(ref: string, request: WaitVm, context: Context): Promise<Vm> {
    return await this.#change(ref, context, (record, scoped) => this.#sessions.wait(record, request, scoped));
  }

  async templates(): Promise<Template[]> {
    return await this.#templates.list();
  }

  async buildTemplate(request: BuildTemplate, context: Context): Promise<Template> {
    return await this.#templates.build(request, this.#lifecycle.scoped(context));
  }

  async removeTemplate(ref: string): Promise<{ id: string; freed: number }> {
    return await this.#templates.remove(ref);
  }

  async templatesUsing(what: TemplateUse): Promise<string[]> {
    return await this.#templates.using(what);
  }

  async forgetTemplates(what: TemplateUse): Promise<void> {
    await this.#templates.forget(what);
  }

  usingImage(id: string): string[] {
    return this.#parts.vms.namesByImage(id);
  }

  usingKernel(name: string): string[] {
    return this.#parts.vms.namesByKernel(name);
  }

  async reconcile(): Promise<void> {
    await reconcile(this.#parts, this.#lifecycle);
    await this.#parts.ssh.prepare();
  }

  async close(): Promise<void> {
    await this.#lifecycle.close();
  }

  async #change(
    ref: string,
    context: Context,
    work: (record: VmRecord, scoped: Context) => Promise<void>,
  ): Promise<Vm> {
    const record = this.#find(ref);
    await work(record, this.#lifecycle.scoped(context));
    // An ephemeral machine is gone when it has stopped.
    return await this.#view(
      this.#parts.vms.get(record.id) ?? { ...record, state: "stopped", runtime: undefined },
    );
  }

  #started(id: string): void {
    const record = this.#parts.vms.get(id);
    if (record?.ephemeral) this.#sessions.expectFirst(this.#lifecycle.handles.get(id));
    if (record?.state === "running") this.#builder.consider(record);
  }

  #agent(ref: string, signal: AbortSignal): Promise<Agent> {
    return this.#sessions.agent(this.#find(ref), "copy files", signal);
  }

  async #measure(record: VmRecord, signal: AbortSignal): Promise<VmStats> {
    return await measure(this.#parts, record, this.#lifecycle.handles.get(record.id).live, signal);
  }

  #find(ref: string): VmRecord {
    return findVm(this.#parts.vms, ref);
  }

  async #view(record: VmRecord): Promise<Vm> {
    const { driver, log } = this.#parts;
    try {
      return viewOf(record, record.disk && (await driver.diskUsed(record.disk)));
    } catch (error) {
      log("measuring a disk failed", { vm: record.name, error: asFault(error).message });
      return viewOf(record, undefined);
    }
  }

  /** Somebody who was faster is as good as we are. */
  async #erase(record: VmRecord, scoped: Context): Promise<void> {
    try {
      await this.#lifecycle.exclusively(record, scoped, (handle) => this.#lifecycle.erase(handle));
    } catch (error) {
      if (!isFault(error, "vm_not_found")) throw error;
    }
  }

  /** Waits for the end of a signalled machine and for the record to say so. */
  async #expectEnd(handle: VmHandle, live: LiveMachine | undefined, signal: AbortSignal): Promise<void> {
    try {
      if (live) await within("the end", this.#parts.deadlines.kill, live.machine.ended, signal);
      await handle.lock.run("noting the end", signal, async () => undefined);
    } catch (error) {
      if (!isFault(error, "timed_out")) throw error;
    }
  }
}

function isUnderWay(record: VmRecord): boolean {
  return record.state === "starting" || record.state === "running" || record.state === "stopping";
}

function notRunning(record: VmRecord): BangerError {
  const { name, state } = record;
  return fault("vm_wrong_state", { name, state, wanted: "running", action: "signal it" });
}

function isRunning({ name, state }: VmRecord, action: string): BangerError {
  return fault("vm_wrong_state", { name, state, wanted: "stopped", action });
}

function milliseconds(seconds: number | undefined): number {
  return seconds === undefined ? usualTimeout : seconds * 1000;
}
