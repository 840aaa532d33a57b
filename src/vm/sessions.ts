import { detachedContext } from "../lib/context.ts";
import { within } from "../lib/deadline.ts";
import { fault, isFault } from "../lib/errors/error.ts";
import { signalNumber } from "../lib/signal-names.ts";
import type { DetachRequest, DialRequest, ExecRequest } from "../model/api/requests.ts";
import type { ImageConfig } from "../model/image.ts";
import type { Job } from "../model/job.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { VmHandle } from "./handle.ts";
import { jobView } from "./job-view.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { VmParts } from "./parts.ts";
import type { Agent, ExecSpec, GuestConnection, GuestProcess } from "./ports.ts";
import { readRuntime } from "./runtime.ts";

/** Milliseconds to wait for a guest when the request does not say. */
const usualWait = 60_000;

/** Commands in machines, connections to them, and the end of ephemeral machines with their first one. */
export class Sessions {
  readonly #parts: VmParts;
  readonly #lifecycle: Lifecycle;

  constructor(parts: VmParts, lifecycle: Lifecycle) {
    this.#parts = parts;
    this.#lifecycle = lifecycle;
  }

  /** Starts a command. @throws vm_wrong_state, guest_unreachable, guest_version, exec_failed, interrupted */
  async exec(record: VmRecord, request: ExecRequest, signal: AbortSignal): Promise<GuestProcess> {
    const handle = this.#lifecycle.handles.get(record.id);
    const wait = waitOf(request);
    const live = await this.#running(handle, record, wait, "run a command", signal);
    const leave = record.ephemeral ? this.#enter(handle) : () => undefined;
    try {
      const agent = await live.agent(wait, signal);
      const process =
        request.job === undefined
          ? await agent.exec(execSpec(request, this.#config(record)), signal)
          : await agent.attach({ vm: record.name, id: request.job }, signal);
      process.exited.then(leave, leave);
      return process;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Starts a command that no session holds. @throws as exec, guest_outdated */
  async detach(record: VmRecord, request: DetachRequest, signal: AbortSignal): Promise<number> {
    const agent = await this.#agent(record, waitOf(request), "run a command", signal);
    return await agent.detach(execSpec(request, this.#config(record)), signal);
  }

  async jobs(record: VmRecord, signal: AbortSignal): Promise<Job[]> {
    const agent = await this.#agent(record, usualWait, "list its commands", signal);
    return (await agent.jobs(signal)).map(jobView);
  }

  /** @throws job_not_found, invalid_value */
  async killJob(record: VmRecord, id: number, name: string, signal: AbortSignal): Promise<void> {
    const number = signalNumber(name);
    if (number === undefined) {
      throw fault("invalid_value", { what: "signal", value: name, expected: "the name of a signal" });
    }
    const agent = await this.#agent(record, usualWait, "signal a command", signal);
    await agent.killJob({ vm: record.name, id }, number, signal);
  }

  async #agent(record: VmRecord, wait: number, action: string, signal: AbortSignal): Promise<Agent> {
    const handle = this.#lifecycle.handles.get(record.id);
    const live = await this.#running(handle, record, wait, action, signal);
    return await live.agent(wait, signal);
  }

  /** Connects to what listens in the guest. @throws vm_wrong_state, guest_unreachable, dial_failed, interrupted */
  async dial(record: VmRecord, request: DialRequest, signal: AbortSignal): Promise<GuestConnection> {
    const handle = this.#lifecycle.handles.get(record.id);
    const wait = waitOf(request);
    const live = await this.#running(handle, record, wait, "connect to it", signal);
    const connection = (await live.agent(wait, signal)).dial(request, signal);
    await connection.connected;
    return connection;
  }

  /** Gives an ephemeral machine up when nobody comes to it. */
  expectFirst(handle: VmHandle): void {
    clearTimeout(handle.grace);
    if (handle.owner || !handle.live) return;
    handle.grace = setTimeout(() => this.#giveUp(handle), this.#parts.deadlines.firstSession).unref();
  }

  /** Returns what ends the session; more than once is harmless. */
  #enter(handle: VmHandle): () => void {
    clearTimeout(handle.grace);
    const session = Symbol("session");
    handle.owner ??= session;
    return () => {
      if (handle.owner === session) this.#giveUp(handle);
    };
  }

  #giveUp(handle: VmHandle): void {
    handle.owner = undefined;
    this.#lifecycle.background.start("removing an ephemeral machine", async () => {
      const { signal } = this.#lifecycle.scoped(detachedContext());
      await handle.lock.run("removing an ephemeral machine", signal, async () => {
        if (this.#parts.vms.get(handle.id)) await this.#lifecycle.erase(handle);
      });
    });
  }

  /** As it was when the machine started. */
  #config({ id }: VmRecord): ImageConfig | undefined {
    const present = this.#parts.vms.get(id);
    return present && readRuntime(present)?.config;
  }

  async #running(
    handle: VmHandle,
    record: VmRecord,
    wait: number,
    action: string,
    signal: AbortSignal,
  ): Promise<LiveMachine> {
    const { starting } = handle;
    if (starting) {
      await within(`the start of vm ${record.name}`, wait, starting.over, signal).catch((error: unknown) => {
        if (!isFault(error, "timed_out")) throw error;
        throw fault("guest_unreachable", { vm: record.name, reason: "it is still starting" }, error);
      });
    }
    const present = this.#parts.vms.get(record.id);
    if (!present) throw fault("vm_not_found", { ref: record.name });
    const { state } = present;
    if (handle.live && state !== "stopping") return handle.live;
    throw fault("vm_wrong_state", {
      name: record.name,
      state,
      wanted: "running",
      action,
    });
  }
}

function waitOf({ wait }: { wait?: number | undefined }): number {
  return wait === undefined ? usualWait : wait * 1000;
}

/** What the request says comes before what the image says, and that before the agent's own defaults. */
function execSpec(request: ExecRequest, image: ImageConfig | undefined): ExecSpec {
  const { user = image?.user, cwd = image?.workdir, tty, timeout } = request;
  const args = (request.args ?? []).map(decode);
  const before = request.entrypoint && args.length > 0 ? bytes(image?.entrypoint) : [];
  return {
    args: [...before, ...args],
    env: [...bytes(image?.env), ...(request.env ?? []).map(decode)],
    ...(user === undefined ? {} : { user }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(tty === undefined ? {} : { tty }),
    ...(timeout === undefined ? {} : { timeout }),
  };
}

function bytes(texts: readonly string[] = []): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

function decode(text: string): Buffer {
  return Buffer.from(text, "base64");
}
