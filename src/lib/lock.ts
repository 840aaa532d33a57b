import { DatabaseSync } from "node:sqlite";
import { sleep } from "./deadline.ts";
import { errnoOf, fault, messageOf } from "./errors/error.ts";

/** SQLITE_BUSY, from https://www.sqlite.org/rescode.html */
const sqliteBusy = 5;
const pollInterval = 50;

export interface Lock extends Disposable {
  release(): void;
}

/**
 * Takes the lock of a file if nobody has it, in this process or another. The kernel holds it for the process (SQLite's
 * exclusive lock is a POSIX record lock), so it ends with the process however that dies. Node has no flock of its own.
 *
 * @throws directory_not_writable, internal
 */
export function tryLock(path: string): Lock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // No journal beside the file: nothing is ever written that would need one.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return undefined;
    if (errnoOf(error) === "ERR_SQLITE_ERROR") {
      throw fault("directory_not_writable", { path, reason: messageOf(error) }, error);
    }
    throw error;
  }
  const held = database;
  const release = (): void => {
    if (held.isOpen) held.close();
  };
  return { release, [Symbol.dispose]: release };
}

/** Waits until the lock of a file is free and takes it. @throws interrupted, directory_not_writable */
export async function waitForLock(path: string, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    const lock = tryLock(path);
    if (lock) return lock;
    await sleep(pollInterval, signal);
  }
}
