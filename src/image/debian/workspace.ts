import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import { type Lock, tryLock } from "../../lib/lock.ts";
import { run } from "../../lib/process.ts";
import { endProcessesOf } from "./processes.ts";

/** Held as long as the owner lives. */
const lockName = "lock";
/** Milliseconds. */
const helperTimeout = 60_000;

/** The directory of one build. Disposing of it ends what still works in it, and removes it. */
export class Workspace implements AsyncDisposable {
  readonly path: string;
  readonly #lock: Lock;

  private constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * @param open whether other users may go through it, though not look into it
   * @throws no_space, directory_not_writable, unsafe_directory
   */
  static async create(parent: string, open = false): Promise<Workspace> {
    const path = join(parent, randomBytes(6).toString("hex"));
    try {
      await mkdir(path, { recursive: true, mode: open ? 0o711 : 0o700 });
    } catch (error) {
      throw diskFault(error, path, "making a directory to build in");
    }
    const { uid } = await lstat(parent);
    if (uid !== process.getuid?.()) {
      throw fault("unsafe_directory", { path: parent, reason: `it belongs to uid ${uid}` });
    }
    const lock = tryLock(join(path, lockName));
    // Somebody who looks for leftovers was faster, and is about to remove it.
    if (!lock) return await Workspace.create(parent, open);
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
  } catch {
    // In a name space of its own a build makes files of other users, which can be removed in such a one only.
    await run("mmdebstrap", ["--unshare-helper", "rm", "-rf", "--", path], { timeout: helperTimeout });
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
