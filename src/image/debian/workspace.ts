import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import { type Lock, tryLock } from "../../lib/lock.ts";
import { endProcessesOf } from "./processes.ts";

/** Held as long as the owner lives. */
const lockName = "lock";

/** The directory of one build. Disposing of it ends what still works in it, and removes it. */
export class Workspace implements AsyncDisposable {
  readonly path: string;
  readonly #lock: Lock;

  private constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
  }

  /** @throws no_space, directory_not_writable */
  static async create(parent: string): Promise<Workspace> {
    const path = join(parent, randomBytes(6).toString("hex"));
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskFault(error, path, "making a directory to build in");
    }
    const lock = tryLock(join(path, lockName));
    // Somebody who looks for leftovers was faster, and is about to remove it.
    if (!lock) return await Workspace.create(parent);
    return new Workspace(path, lock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await remove(this.path);
    this.#lock.release();
  }
}

/** Ends and removes what builds of dead processes have left. Those of live ones are not touched. */
export async function removeStaleWorkspaces(parent: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await namesIn(parent)) {
    const path = join(parent, name);
    const lock = tryLock(join(path, lockName));
    if (!lock) continue;
    try {
      await remove(path);
      removed.push(name);
    } finally {
      lock.release();
    }
  }
  return removed;
}

async function remove(path: string): Promise<void> {
  await endProcessesOf(path);
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw diskFault(error, path, "removing a directory that was built in");
  }
}

async function namesIn(parent: string): Promise<string[]> {
  try {
    return await readdir(parent);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, parent, "looking for leftovers");
  }
}
