import { closeSync, existsSync, openSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { Context } from "../../lib/context.ts";
import { sleep, within } from "../../lib/deadline.ts";
import { type DetachedProcess, startDetached } from "../../lib/detached.ts";
import { type BangerError, errnoOf, fault, isFault } from "../../lib/errors/error.ts";
import { signalProcess } from "../../lib/process-identity.ts";
import { checkSocketPath } from "../../lib/socket-path.ts";
import type {
  Driver,
  FoundProcess,
  Machine,
  MachineEnd,
  MachineRuntime,
  MachineSnapshot,
  MachineSpec,
  RestoreOptions,
} from "../driver.ts";
import { findQemu } from "./binary.ts";
import { commandLine } from "./command-line.ts";
import { createOverlay, freezeOverlay, growOverlay, overlayUsed } from "./disk.ts";
import { lastError, machineEnd } from "./end.ts";
import { findMachines, isMachine } from "./find.ts";
import { flattenDisk } from "./flatten.ts";
import { lastWordsOf, QemuMachine, removeSockets } from "./machine.ts";
import { loadInherited } from "./migration.ts";
import { QmpClient } from "./qmp/client.ts";
import { snapshotKey } from "./snapshot-key.ts";

/** Milliseconds. */
const times = {
  /** For QEMU to answer on its control socket; tens of milliseconds on a host that is not overloaded. */
  start: 30_000,
  retry: 5,
  killed: 10_000,
};

/** Machines as QEMU processes of this user, each in a session of its own: they outlive whoever started them. */
export class QemuDriver implements Driver {
  readonly name = "qemu";
  readonly features = { nat: true, pause: true, snapshot: true };

  async start(spec: MachineSpec, context: Context): Promise<Machine> {
    return await this.#launch(spec, context);
  }

  async restore(
    spec: MachineSpec,
    snapshot: MachineSnapshot,
    context: Context,
    options: RestoreOptions = {},
  ): Promise<Machine> {
    const state = openState(snapshot.state);
    try {
      return await this.#launch(spec, context, { ...snapshot, ...options, descriptor: state });
    } finally {
      closeSync(state);
    }
  }

  async snapshotKey(spec: MachineSpec, signal?: AbortSignal): Promise<string> {
    return await snapshotKey(spec, signal);
  }

  async #launch(
    spec: MachineSpec,
    context: Context,
    from?: MachineSnapshot & RestoreOptions & { descriptor: number },
  ): Promise<Machine> {
    const binary = await findQemu(context.signal);
    const sockets = socketsOf(spec.runDirectory);
    await removeSockets(sockets);
    const log = join(spec.logDirectory, "vmm.log");
    const args = commandLine(spec, { agent: sockets.agentSocket, monitor: sockets.monitorSocket }, from);
    const env = { PATH: process.env.PATH, LC_ALL: "C" };
    const child = await startDetached(binary.path, args, { log, cwd: "/", env, inherit: from?.descriptor });
    if (spec.background) yieldToOthers(child.identity.pid);
    const runtime: MachineRuntime = {
      driver: this.name,
      version: binary.version,
      accelerator: spec.accelerator,
      process: child.identity,
      ...sockets,
      consoleLog: spec.consoleLog,
      log,
    };
    try {
      const monitor = await answering(child, sockets.monitorSocket, context.signal);
      await Promise.all(Object.values(sockets).map((path) => chmod(path, 0o600)));
      if (from) await loadInherited(monitor, context.signal, from.beforeRun);
      return new QemuMachine(runtime, { exited: child.exited, monitor });
    } catch (error) {
      throw await undone(child, runtime, error);
    }
  }

  /**
   * The very process, known by its number, its start time and its control socket. One whose sockets were deleted can never be
   * reached again and only holds memory: it is ended.
   */
  async adopt(runtime: MachineRuntime): Promise<Machine | undefined> {
    if (!(await isMachine(runtime.process, runtime.monitorSocket))) return undefined;
    const machine = new QemuMachine(runtime);
    if (existsSync(runtime.monitorSocket) && existsSync(runtime.agentSocket)) return machine;
    await machine.quit();
    return undefined;
  }

  async find(root: string): Promise<FoundProcess[]> {
    return await findMachines(root);
  }

  async lastWords(runtime: MachineRuntime): Promise<MachineEnd> {
    return machineEnd({ log: await lastWordsOf(runtime) });
  }

  readonly createDisk = createOverlay;
  readonly flattenDisk = flattenDisk;
  readonly freezeDisk = freezeOverlay;
  readonly growDisk = growOverlay;
  readonly diskUsed = overlayUsed;
}

/** Early enough for the threads that it makes later, which inherit it (setpriority(2)). */
function yieldToOthers(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    // Gone already, which whoever waits for its control socket will notice.
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

/** @throws vmm_failed */
function openState(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw fault("vmm_failed", { program: "QEMU", reason: `the saved state ${path} cannot be read` }, error);
  }
}

/** @throws path_too_long */
function socketsOf(runDirectory: string): { agentSocket: string; monitorSocket: string } {
  return {
    agentSocket: checkSocketPath(join(runDirectory, "agent.sock")),
    monitorSocket: checkSocketPath(join(runDirectory, "monitor.sock")),
  };
}

/** Waits until QEMU has made its devices and takes commands. @throws vmm_protocol, timed_out, interrupted */
async function answering(child: DetachedProcess, socket: string, signal: AbortSignal): Promise<QmpClient> {
  const deadline = performance.now() + times.start;
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  for (;;) {
    try {
      const timeout = Math.max(1, deadline - performance.now());
      return await QmpClient.connect(socket, { timeout, signal });
    } catch (error) {
      // Until QEMU listens there is no socket, or one that refuses.
      if (!isFault(error, "vmm_protocol") || ended || performance.now() > deadline) throw error;
    }
    await sleep(times.retry, signal);
  }
}

/** Ends what was started in vain, and finds the word for why. */
async function undone(child: DetachedProcess, runtime: MachineRuntime, error: unknown): Promise<unknown> {
  signalProcess(child.identity, "SIGKILL");
  const exit = await within("the end of QEMU", times.killed, child.exited);
  await removeSockets(runtime);
  if (!isFault(error, "vmm_protocol")) return error;
  return failure(
    await lastWordsOf(runtime),
    `it ended with ${exit.signal ?? `status ${exit.status}`}`,
    error,
  );
}

function failure(log: string, otherwise: string, cause: unknown): BangerError {
  return fault("vmm_failed", { program: "QEMU", reason: lastError(log) ?? otherwise }, cause);
}
