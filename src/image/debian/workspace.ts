import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import { sleep } from "../../lib/deadline.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import { type Lock, tryLock } from "../../lib/lock.ts";
import { identify, isAlive, type ProcessIdentity } from "../../lib/process-identity.ts";

/** Of these, the first is held as long as the owner lives, and the second names the process group that builds. */
const lockName = "lock";
const groupName = "group.json";

/** Milliseconds. */
const endGrace = 3000;
const endPoll = 50;

/** The directory of one build. Disposing of it removes it. */
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
    if (!lock) return await Workspace.create(parent);
    return new Workspace(path, lock);
  }

  /** Remembers whom to end if this process should die. */
  async recordGroup(leader: number): Promise<void> {
    const identity = identify(leader);
    if (identity) await writeFile(join(this.path, groupName), JSON.stringify(identity));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.path);
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
      await endGroup(path);
      await removeTree(path);
      removed.push(name);
    } finally {
      lock.release();
    }
  }
  return removed;
}

/** Politely at first: a killed `faked` would leave its message queues in the kernel. */
async function endGroup(path: string): Promise<void> {
  const leader = await recordedGroup(path);
  if (!leader || !isAlive(leader)) return;
  signalGroup(leader.pid, "SIGTERM");
  for (let waited = 0; waited < endGrace && signalGroup(leader.pid, 0); waited += endPoll)
    await sleep(endPoll);
  signalGroup(leader.pid, "SIGKILL");
}

/** Whether there is still somebody in it. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return false;
    throw error;
  }
}

async function recordedGroup(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(join(path, groupName), "utf8")) as ProcessIdentity;
  } catch {
    // It died before it started a builder, or while it wrote this down.
    return undefined;
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

/** More than one attempt: a builder that has just been killed may still make a file. */
async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
