import { mkdir } from "node:fs/promises";
import type { Logger } from "pino";
import { diskFault } from "../lib/atomic.ts";
import { fault } from "../lib/errors/error.ts";
import { type Lock, tryLock } from "../lib/lock.ts";
import type { Paths } from "../lib/paths.ts";
import { prepareRuntimeDirectory } from "../lib/runtime-directory.ts";
import { makeApp } from "./http/app.ts";
import { makeHandlers } from "./http/handlers.ts";
import { type Listening, listen } from "./http/server.ts";
import type { Services } from "./services.ts";
import { handleUpgrade } from "./sessions/upgrade.ts";

/** Milliseconds that running commands and requests get to end when the daemon does. */
const closeGrace = 2000;

export interface Composition {
  services: Services;
  /** Lets go of everything; machines go on. */
  close(): Promise<void>;
}

export type Compose = (options: { shutdown: () => void }) => Promise<Composition>;

export interface RunningDaemon {
  /** Resolves when the daemon has ended in an orderly way. */
  readonly ended: Promise<void>;
  stop(): void;
}

/**
 * Runs the daemon of a state directory: takes its lock, makes the services, listens.
 *
 * @returns undefined when another process holds the lock, which is then the daemon
 * @throws what the services throw, path_too_long, unsafe_directory, directory_not_writable
 */
export async function startDaemon(
  paths: Paths,
  log: Logger,
  compose: Compose,
): Promise<RunningDaemon | undefined> {
  await prepareRuntimeDirectory(paths.runtime);
  await makeStateDirectories(paths);
  const lock = tryLock(paths.lock);
  if (!lock) return undefined;
  const stopping = Promise.withResolvers<void>();
  let composition: Composition | undefined;
  try {
    composition = await compose({ shutdown: () => stopping.resolve() });
    const { services } = composition;
    const app = makeApp(makeHandlers(services), log);
    const listening = await listen(
      app,
      (request, socket, head) => handleUpgrade(services.vms, request, socket, head),
      paths.socket,
      paths.runtime,
    );
    const made = composition;
    const ended = stopping.promise.then(() => end(made, listening, lock, log));
    return { ended, stop: () => stopping.resolve() };
  } catch (error) {
    await composition?.close();
    lock.release();
    throw error;
  }
}

/** Running operations are cancelled first, so that what they began is undone while everything still works. */
async function end(
  { services, close }: Composition,
  listening: Listening,
  lock: Lock,
  log: Logger,
): Promise<void> {
  log.info("ending");
  listening.stop();
  await services.operations.cancelAll();
  await listening.close(closeGrace);
  await close();
  lock.release();
}

async function makeStateDirectories(paths: Paths): Promise<void> {
  for (const path of [paths.state, paths.vms, paths.images, paths.kernels, paths.cache, paths.downloads]) {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      const known = diskFault(error, `${path}/x`, "making the state directory");
      if (known !== error) throw known;
      throw fault("directory_not_writable", { path, reason: String((error as Error).message) }, error);
    }
  }
}
