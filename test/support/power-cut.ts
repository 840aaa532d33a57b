import { AsyncLocalStorage } from "node:async_hooks";
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync } from "node:sqlite";

/** A run of work that ends, as far as files go, at one of its steps. */
interface Run {
  /** The step that is not taken any more, nor any after it. */
  at: number;
  steps: number;
  cut: () => void;
  readonly handles: Set<FileHandle>;
  readonly databases: Set<DatabaseSync>;
}

const runs = new AsyncLocalStorage<Run>();
const never = new Promise<never>(() => undefined);
/** Calls that change what is on the disk, or what is on its way there. */
const watched = "chmod,copyFile,link,mkdir,open,rename,rm,symlink,truncate,unlink,utimes,writeFile".split(
  ",",
);
const watchedOfHandles = ["write", "writeFile", "writev", "truncate", "sync", "datasync", "chmod", "utimes"];

await install();

/**
 * Does work in this process until its `at`th change to the file system, at which it is stopped as kill -9 would stop it: nothing
 * that it does afterwards has an effect, no clean-up runs, its files are closed and its locks free.
 *
 * @returns whether it came to its end before that
 */
export async function untilStep(at: number, work: () => Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<"cut">();
  const run: Run = { at, steps: 0, cut: () => resolve("cut"), handles: new Set(), databases: new Set() };
  const outcome = await Promise.race([runs.run(run, work), promise]);
  for (const database of run.databases) if (database.isOpen) database.close();
  for (const handle of run.handles) await handle.close().catch(() => undefined);
  return outcome !== "cut";
}

/** Runs `check` for every step at which the work can be stopped; gives how many there were. */
export async function atEveryStep(
  work: (step: number) => Promise<() => Promise<unknown>>,
  check: (step: number) => Promise<void>,
): Promise<number> {
  for (let step = 1; ; step += 1) {
    const finished = await untilStep(step, await work(step));
    await check(step);
    if (finished) return step - 1;
  }
}

async function install(): Promise<void> {
  wrap(fs as unknown as Functions, watched);
  const handle = await fs.open("/dev/null");
  wrap(Object.getPrototypeOf(handle) as Functions, watchedOfHandles);
  await handle.close();
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (sql: string): void {
    runs.getStore()?.databases.add(this);
    exec.call(this, sql);
  };
  syncBuiltinESMExports();
}

type Functions = Record<string, (...args: unknown[]) => Promise<unknown>>;

function wrap(target: Functions, names: readonly string[]): void {
  for (const name of names) {
    const original = target[name];
    if (!original) continue;
    target[name] = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const run = runs.getStore();
      if (!run) return await original.apply(this, args);
      run.steps += 1;
      if (run.steps === run.at) run.cut();
      if (run.steps >= run.at) return await never;
      const result = await original.apply(this, args);
      if (name === "open") run.handles.add(result as FileHandle);
      return result;
    };
  }
}
