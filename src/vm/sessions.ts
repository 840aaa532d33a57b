import { type Context, detachedContext } from "../lib/context.ts";
import { within } from "../lib/deadline.ts";
import { fault, isFault } from "../lib/errors/error.ts";
import { signalNumber } from "../lib/signal-names.ts";
import type { SshTarget } from "../model/api/answers.ts";
import type { DetachRequest, DialRequest, ExecRequest, WaitVm } from "../model/api/requests.ts";
import type { ImageConfig } from "../model/image.ts";
import type { Job } from "../model/job.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { VmHandle } from "./handle.ts";
import { hostKeyComment } from "./identity.ts";
import { jobView } from "./job-view.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { VmParts } from "./parts.ts";
import type { Agent, ExecSpec, GuestConnection, GuestProcess } from "./ports.ts";
import { readRuntime } from "./runtime.ts";
import { serverCommand } from "./ssh/server.ts";
import { waitFor } from "./wait.ts";

/** Milliseconds to wait for a guest when the request does not say. */
const usualWait = 60_000;
/** For who sets no deadline; a timer holds no more than 24 days. */
const longestWait = 20 * 24 * 3_600_000;

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

  /** Readies a machine for an ssh connection. @throws vm_wrong_state, guest_unreachable, guest_version, ssh_server_missing */
  async ssh(record: VmRecord, signal: AbortSignal): Promise<SshTarget> {
    const { id, name } = record;
    const { files, ssh } = this.#parts;
    const live = await this.#running(this.#lifecycle.handles.get(id), record, usualWait, "use ssh", signal);
    const agent = await live.agent(usualWait, signal);
    const [{ privateKey }, authorizedKeys] = await Promise.all([
      files.hostKey(id, hostKeyComment(name)),
      ssh.authorizedKeys(),
    ]);
    const command = await serverCommand(agent, { name, hostKey: privateKey, authorizedKeys }, signal);
    return { id, name, host: `${name}.vm`, config: ssh.config, command };
  }

  /**
   * The agent of a machine that runs, or is starting, for work that is no session.
   *
   * @throws vm_wrong_state (to `action`), guest_unreachable, guest_version, interrupted
   */
  async agent(record: VmRecord, action: string, signal: AbortSignal): Promise<Agent> {
    return await this.#agent(record, usualWait, action, signal);
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

  /** Waits for what the request names. @throws wait_expired, vm_wrong_state, interrupted */
  async wait(record: VmRecord, request: WaitVm, context: Context): Promise<void> {
    const { id, name } = record;
    const { for: targets = ["agent"] } = request;
    const timeout = request.timeout === undefined ? undefined : request.timeout * 1000;
    const handle = this.#lifecycle.handles.get(id);
    const resting = !handle.live && !handle.starting;
    if (resting && targets.every((target) => target === "exit")) return;
    // Whoever waits is about to come.
    clearTimeout(handle.grace);
    const began = performance.now();
    try {
      const live = await this.#running(
        handle,
        record,
        timeout ?? longestWait,
        "wait for it",
        context.signal,
      ).catch((error: unknown) => {
        if (!isFault(error, "guest_unreachable")) throw error;
        throw fault(
          "wait_expired",
          { vm: name, targets: [...targets], seconds: request.timeout ?? 0 },
          error,
        );
      });
      const left = timeout === undefined ? undefined : Math.max(0, timeout - (performance.now() - began));
      await waitFor({ name, live, targets, timeout: left, asked: timeout }, context);
      // The record of one that has ended says so only when whoever notes it is done.
      if (targets.includes("exit"))
        await handle.lock.run("noting the end", context.signal, async () => undefined);
    } finally {
      if (record.ephemeral) this.expectFirst(handle);
    }
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
