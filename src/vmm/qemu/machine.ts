import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sleep, within } from "../../lib/deadline.ts";
import type { DetachedExit } from "../../lib/detached.ts";
import { fault, isFault } from "../../lib/errors/error.ts";
import { isAlive, signalProcess } from "../../lib/process-identity.ts";
import type { Captured, CaptureWish, Machine, MachineEnd, MachineRuntime } from "../driver.ts";
import { readTail, trimLog } from "../logs.ts";
import { capture } from "./capture.ts";
import { diskNode } from "./command-line.ts";
import { machineEnd } from "./end.ts";
import { saveTo } from "./migration.ts";
import { QmpClient, type QmpEvent } from "./qmp/client.ts";

/** Bytes of a log that are kept, and the size at which the rest goes. */
const logKept = 8 * 2 ** 20;
const logLimit = 4 * logKept;
/** Bytes of QEMU's log that may tell why it ended. */
const lastWordsLength = 64 * 1024;

/** Milliseconds. */
const times = {
  /** Between two looks at a process that is not our child. */
  look: 200,
  /** Between two attempts to reach a control socket that was lost. */
  reconnect: 1000,
  connect: 5000,
  /** Between two looks at the size of the logs. */
  trim: 10_000,
  quit: 5000,
  /** From SIGKILL to the end; a process that the kernel holds is beyond anybody's reach. */
  kill: 10_000,
};

/** What a machine that was just started brings along; an adopted one has neither. */
export interface Started {
  readonly exited: Promise<DetachedExit>;
  readonly monitor: QmpClient;
}

/** A QEMU process that is watched until it ends or is let go. */
export class QemuMachine implements Machine {
  readonly runtime: MachineRuntime;
  readonly ended: Promise<MachineEnd>;
  readonly #end = Promise.withResolvers<MachineEnd>();
  readonly #resetListeners = new Set<() => void>();
  readonly #resumeListeners = new Set<() => void>();
  /** Aborted when there is nothing to watch any more. */
  readonly #over = new AbortController();
  #monitor: QmpClient | undefined;
  #sent: NodeJS.Signals | undefined;
  #asked = false;

  constructor(runtime: MachineRuntime, started?: Started) {
    this.runtime = runtime;
    this.ended = this.#end.promise;
    void (started?.exited ?? this.#disappeared()).then((exit) => this.#finish(exit));
    void this.#keepMonitor(started?.monitor);
    void this.#keepLogsSmall();
  }

  get agentSocket(): string {
    return this.runtime.agentSocket;
  }

  async quit({ timeout = times.quit }: { timeout?: number } = {}): Promise<MachineEnd> {
    this.#asked = true;
    try {
      if (this.#monitor) await this.#monitor.execute("quit", undefined, { timeout });
      else this.signal("SIGTERM");
    } catch (error) {
      // It may well end before it answers.
      if (!isFault(error, "vmm_protocol", "timed_out")) throw error;
    }
    try {
      return await within("the end of QEMU", timeout, this.ended);
    } catch (error) {
      if (!isFault(error, "timed_out")) throw error;
      this.signal("SIGKILL");
      return await within("the end of QEMU", times.kill, this.ended);
    }
  }

  async saveState(path: string, signal?: AbortSignal): Promise<void> {
    const socket = join(dirname(this.runtime.monitorSocket), "save.sock");
    await saveTo(path, this.#present(), { socket, signal });
  }

  async capture(wish: CaptureWish, signal?: AbortSignal): Promise<Captured> {
    const socket = join(dirname(this.runtime.monitorSocket), "save.sock");
    return await capture(this.#present(), wish, { socket, signal });
  }

  async announceDiskSize(index: number, size: number, signal?: AbortSignal): Promise<void> {
    await this.#present().execute("block_resize", { "node-name": diskNode(index), size }, { signal });
  }

  signal(name: NodeJS.Signals): boolean {
    const sent = signalProcess(this.runtime.process, name);
    if (sent) this.#sent = name;
    return sent;
  }

  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => this.#resetListeners.delete(listener);
  }

  onResume(listener: () => void): () => void {
    this.#resumeListeners.add(listener);
    return () => this.#resumeListeners.delete(listener);
  }

  async pause(signal?: AbortSignal): Promise<void> {
    await this.#command("stop", signal);
  }

  async resume(signal?: AbortSignal): Promise<void> {
    await this.#command("cont", signal);
  }

  detach(): void {
    this.#over.abort();
    this.#monitor?.close();
    this.#resetListeners.clear();
    this.#resumeListeners.clear();
  }

  #present(): QmpClient {
    if (this.#monitor) return this.#monitor;
    throw fault("vmm_protocol", { program: "QEMU", problem: "its control socket is not connected" });
  }

  /** Resolves when a process that is not our child is gone. */
  async #disappeared(): Promise<undefined> {
    while (isAlive(this.runtime.process) && !this.#over.signal.aborted) await this.#pause(times.look);
    return undefined;
  }

  async #finish(exit: DetachedExit | undefined): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.detach();
    await removeSockets(this.runtime);
    const log = await lastWordsOf(this.runtime).catch(() => "");
    this.#end.resolve(machineEnd({ log, exit, sent: this.#sent, asked: this.#asked }));
  }

  /** The control socket serves one client; a lost connection is made again, for the sake of the guest's resets. */
  async #keepMonitor(first: QmpClient | undefined): Promise<void> {
    let monitor = first;
    while (!this.#over.signal.aborted) {
      monitor ??= await this.#connect();
      if (monitor) {
        this.#monitor = monitor;
        monitor.onEvent((event) => this.#hear(event));
        await monitor.closed;
      }
      this.#monitor = undefined;
      monitor = undefined;
      await this.#pause(times.reconnect);
    }
  }

  async #connect(): Promise<QmpClient | undefined> {
    const { signal } = this.#over;
    try {
      return await QmpClient.connect(this.runtime.monitorSocket, { timeout: times.connect, signal });
    } catch (error) {
      if (isFault(error, "vmm_protocol", "timed_out", "interrupted")) return undefined;
      throw error;
    }
  }

  #hear({ name, data }: QmpEvent): void {
    if (name === "RESUME") for (const listener of this.#resumeListeners) listener();
    if (name === "RESET" && data.guest === true) for (const listener of this.#resetListeners) listener();
  }

  async #command(name: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#present().execute(name, undefined, { signal });
  }

  async #keepLogsSmall(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const logs = [this.runtime.consoleLog, this.runtime.log];
      // A log that cannot be made smaller now is no reason to end a machine; the next round tries again.
      await Promise.allSettled(logs.map((log) => trimLog(log, logLimit, logKept)));
      await this.#pause(times.trim);
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, this.#over.signal).catch(() => undefined);
  }
}

/** QEMU takes its sockets with it only when it ends in an orderly way. */
export async function removeSockets(of: { agentSocket: string; monitorSocket: string }): Promise<void> {
  await Promise.allSettled([of.agentSocket, of.monitorSocket].map((path) => rm(path, { force: true })));
}

/** The end of QEMU's own log. */
export async function lastWordsOf(runtime: MachineRuntime): Promise<string> {
  return await readTail(runtime.log, lastWordsLength);
}
