import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { diskFault } from "../../lib/atomic.ts";
import { within } from "../../lib/deadline.ts";
import { fault } from "../../lib/errors/error.ts";
import { checkSocketPath } from "../../lib/socket-path.ts";
import type { QmpClient, QmpEvent } from "./qmp/client.ts";

/** Milliseconds. Memory that is not in a file has to be written as well. */
const times = { save: 120_000, load: 20_000 };
/** The number under which `startDetached` hands a descriptor over. */
const inherited = 3;

/** Memory in a file is left where it is; and QEMU says when it is done. */
const capabilities = [
  { capability: "x-ignore-shared", state: true },
  { capability: "events", state: true },
];

/**
 * Has a paused machine write its state into a file that does not exist yet. It goes through a socket of ours, because QEMU's sandbox
 * starts no program and the oldest QEMU opens no file for this.
 *
 * @throws vmm_failed, vmm_protocol, no_space, directory_not_writable, timed_out, interrupted
 */
export async function saveTo(
  path: string,
  monitor: QmpClient,
  options: { socket: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const { signal } = options;
  const socketPath = checkSocketPath(options.socket);
  await rm(socketPath, { force: true });
  const server = createServer();
  try {
    server.listen(socketPath);
    await once(server, "listening");
    await monitor.execute("migrate-set-capabilities", { capabilities }, { signal });
    const over = conclusion(monitor);
    const copied = receive(server, path, signal);
    copied.catch(() => undefined);
    await monitor.execute("migrate", { uri: `unix:${socketPath}` }, { signal });
    await within("QEMU to save a machine", times.save, Promise.race([copied, failure(over)]), signal);
    if ((await within("QEMU to save a machine", times.save, over, signal)) === "failed") throw notSaved();
  } catch (error) {
    await rm(path, { force: true });
    throw diskFault(error, path, "saving a machine's state");
  } finally {
    server.close();
    await rm(socketPath, { force: true });
  }
}

/**
 * Has a QEMU that waits for it take over the state in the descriptor it inherited, and lets its guest run after `beforeRun`.
 *
 * @throws as `saveTo`, and what `beforeRun` throws
 */
export async function loadInherited(
  monitor: QmpClient,
  signal?: AbortSignal,
  beforeRun?: () => Promise<void>,
): Promise<void> {
  const over = conclusion(monitor);
  const orders = [
    monitor.execute("migrate-set-capabilities", { capabilities }, { signal }),
    monitor.execute("migrate-incoming", { uri: `fd:${inherited}` }, { signal }),
  ];
  await Promise.all(orders);
  if ((await within("QEMU to restore a machine", times.load, over, signal)) === "failed") {
    throw fault("vmm_failed", { program: "QEMU", reason: "it could not restore the machine" });
  }
  await beforeRun?.();
  await monitor.execute("cont", undefined, { signal });
}

/** How the state's way in or out ends; rejects when the connection does. */
function conclusion(monitor: QmpClient): Promise<"completed" | "failed"> {
  const said = new Promise<"completed" | "failed">((resolve) => {
    const unlisten = monitor.onEvent((event) => {
      const verdict = outcome(event);
      if (verdict === undefined) return;
      unlisten();
      resolve(verdict);
    });
  });
  const over = Promise.race([said, monitor.closed.then((error) => Promise.reject(error))]);
  over.catch(() => undefined);
  return over;
}

function outcome({ name, data }: QmpEvent): "completed" | "failed" | undefined {
  if (name !== "MIGRATION") return undefined;
  return data.status === "completed" || data.status === "failed" ? data.status : undefined;
}

/** Never resolves when all went well. */
async function failure(over: Promise<"completed" | "failed">): Promise<never> {
  if ((await over) === "failed") throw notSaved();
  return await new Promise<never>(() => undefined);
}

function notSaved(): Error {
  return fault("vmm_failed", { program: "QEMU", reason: "it could not save the machine" });
}

async function receive(server: Server, path: string, signal: AbortSignal | undefined): Promise<void> {
  const [socket] = (await once(server, "connection", { signal })) as [Socket];
  await pipeline(socket, createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }), { signal });
}
