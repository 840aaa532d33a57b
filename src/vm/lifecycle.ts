import { type Context, detachedContext, step } from "../lib/context.ts";
import { fault } from "../lib/errors/error.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { Machine, MachineEnd } from "../vmm/driver.ts";
import { Background } from "./background.ts";
import { cleanUp } from "./clean-up.ts";
import { type VmHandle, VmHandles } from "./handle.ts";
import { watchHostClock } from "./host-clock.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { VmParts } from "./parts.ts";
import type { ImageSetup } from "./runtime.ts";
import { noteSaved, saveIdentity } from "./save-identity.ts";
import { shutDown } from "./shut-down.ts";
import { resumeStart, startMachine } from "./start.ts";
import { Stopwatch } from "./stopwatch.ts";

/**
 * The changes of a machine's state, each whole or not at all. All but `interruptStart` and `watch` are for whoever holds the lock of
 * the handle.
 */
export class Lifecycle {
  readonly handles = new VmHandles();
  readonly background: Background;
  readonly #parts: VmParts;
  readonly #unwatchClock: () => void;
  readonly #closing = new AbortController();

  constructor(parts: VmParts) {
    this.#parts = parts;
    this.background = new Background(parts.log);
    this.#unwatchClock = watchHostClock(() => {
      for (const { live } of this.handles.all()) live?.keepTime();
    }, parts.time);
  }

  /** A context that ends with the service, too. */
  scoped(context: Context): Context {
    return { ...context, signal: AbortSignal.any([context.signal, this.#closing.signal]) };
  }

  /** Runs `work` with the machine's lock and its present record. @throws vm_not_found when it is gone by then */
  async exclusively<T>(
    record: VmRecord,
    context: Context,
    work: (handle: VmHandle, present: VmRecord) => Promise<T>,
  ): Promise<T> {
    const handle = this.handles.get(record.id);
    return await handle.lock.run(`waiting for vm ${record.name}`, context.signal, async () => {
      const present = this.#parts.vms.get(record.id);
      if (!present) throw fault("vm_not_found", { ref: record.name });
      return await work(handle, present);
    });
  }

  /** Starts a machine that does not run. */
  async boot(
    handle: VmHandle,
    record: VmRecord,
    context: Context,
    options: { watch?: Stopwatch; cold?: boolean } = {},
  ): Promise<void> {
    const { watch = new Stopwatch(), cold = false } = options;
    await this.#starting(handle, context, (scoped) =>
      startMachine(this.#parts, record, watch, scoped, { cold }),
    );
  }

  /** Goes on with a start that an earlier daemon could not finish. */
  async resume(handle: VmHandle, record: VmRecord, machine: Machine, image: ImageSetup): Promise<void> {
    await handle.lock.run(`starting vm ${record.name}`, this.#closing.signal, async () => {
      await this.#starting(handle, this.scoped(detachedContext()), (scoped) =>
        resumeStart(this.#parts, record, machine, image, scoped),
      );
    });
  }

  async #starting(
    handle: VmHandle,
    context: Context,
    work: (scoped: Context) => Promise<LiveMachine>,
  ): Promise<void> {
    const abort = new AbortController();
    const over = Promise.withResolvers<void>();
    handle.starting = { abort, over: over.promise };
    const signal = AbortSignal.any([context.signal, abort.signal]);
    try {
      const live = await work({ ...context, signal });
      this.watch(handle, live);
      this.background.start("saving the identity of a copy", () =>
        saveIdentity(this.#parts, handle.id, live, this.#closing.signal),
      );
      await this.#parts.ssh.refresh();
    } finally {
      handle.starting = undefined;
      over.resolve();
    }
  }

  /** Makes a start that is under way fail, so that its lock becomes free. */
  interruptStart(handle: VmHandle, name: string): void {
    handle.starting?.abort.abort(fault("interrupted", { what: `starting vm ${name}` }));
  }

  /** Ends a running machine gently; `timeout` in ms. One that does not run is left as it is. */
  async halt(handle: VmHandle, record: VmRecord, timeout: number, context: Context): Promise<void> {
    const { live } = handle;
    if (!live) return;
    const { vms, deadlines } = this.#parts;
    vms.update(record.id, { state: "stopping" });
    try {
      const { kind } = await step(context, "vm.stop", `stopping ${record.name}`, () =>
        shutDown(live, record.name, timeout, deadlines, context),
      );
      if (kind === "powered-off") noteSaved(this.#parts, record.id);
    } catch (error) {
      vms.update(record.id, { state: "running" });
      throw error;
    }
    await this.#settle(handle, live, undefined);
  }

  /** Ends a running machine at once. */
  async end(handle: VmHandle, reason?: string): Promise<void> {
    const { live } = handle;
    if (!live) return;
    await live.machine.quit();
    await this.#settle(handle, live, reason);
  }

  /** Removes everything of a machine. */
  async erase(handle: VmHandle): Promise<void> {
    const { vms, files } = this.#parts;
    await this.end(handle);
    await files.retire(handle.id);
    vms.delete(handle.id);
    this.handles.drop(handle.id);
    await this.#parts.ssh.refresh();
    // The machine is gone; what is left of its files the next start clears away.
    await cleanUp(this.#parts.log, "removing the files of a deleted machine", () => files.purge(handle.id));
  }

  /** Takes a running machine on: when it ends by itself its record will say so. */
  watch(handle: VmHandle, live: LiveMachine): void {
    handle.live = live;
    void live.machine.ended.then((end) => {
      this.background.start("noting a machine's end", () => this.#onEnd(handle, live, end));
    });
  }

  /** Lets go of all machines, after the changes that are under way were cancelled. */
  async close(): Promise<void> {
    this.#closing.abort(fault("interrupted", { what: "the daemon's work" }));
    this.#unwatchClock();
    for (const handle of this.handles.all()) {
      clearTimeout(handle.grace);
      await handle.lock.run("closing", new AbortController().signal, async () => {
        await handle.live?.detach();
        handle.live = undefined;
      });
    }
    await this.background.idle();
  }

  async #onEnd(handle: VmHandle, live: LiveMachine, end: MachineEnd): Promise<void> {
    await handle.lock.run("noting a machine's end", this.#closing.signal, async () => {
      // Whoever had the lock before may have been the one that ended it.
      if (handle.live !== live) return;
      await this.#settle(handle, live, end.reason);
      if (this.#parts.vms.get(handle.id)?.ephemeral) await this.erase(handle);
    });
  }

  async #settle(handle: VmHandle, live: LiveMachine, reason: string | undefined): Promise<void> {
    handle.live = undefined;
    clearTimeout(handle.grace);
    await live.close();
    await cleanUp(this.#parts.log, "removing a run directory", () =>
      this.#parts.files.removeRunDirectory(handle.id),
    );
    this.#parts.vms.update(handle.id, { state: "stopped", reason, runtime: undefined });
  }
}
