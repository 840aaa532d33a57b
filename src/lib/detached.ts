import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { diskFault } from "./atomic.ts";
import { errnoOf, fault } from "./errors/error.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";

export interface DetachedOptions {
  /** Both outputs go here; what was in it is dropped. */
  log: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** A descriptor of ours that the program gets as its number 3. */
  inherit?: number | undefined;
}

export interface DetachedProcess {
  readonly identity: ProcessIdentity;
  /** Resolves when the process has ended, as long as this program lives to see it. */
  readonly exited: Promise<DetachedExit>;
}

export interface DetachedExit {
  status: number | undefined;
  signal: NodeJS.Signals | undefined;
}

/**
 * Starts a program that outlives this one: a session of its own, no input, no descriptor of ours but one that is named, and files that only this user
 * may open.
 *
 * @throws tool_missing, tool_failed, no_space, directory_not_writable
 */
export async function startDetached(
  program: string,
  args: readonly string[],
  options: DetachedOptions,
): Promise<DetachedProcess> {
  const log = openLog(options.log);
  const mask = process.umask(0o077);
  let child: ReturnType<typeof spawn>;
  try {
    child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ["ignore", log, log, ...(options.inherit === undefined ? [] : [options.inherit])],
    });
  } finally {
    process.umask(mask);
    closeSync(log);
  }
  const exited = new Promise<DetachedExit>((resolve) => {
    child.once("exit", (status, signal) =>
      resolve({ status: status ?? undefined, signal: signal ?? undefined }),
    );
  });
  try {
    await once(child, "spawn");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw fault("tool_missing", { tool: program, package: program }, error);
    throw fault("tool_failed", { tool: program, status: errnoOf(error) ?? "spawn", stderr: "" }, error);
  }
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity) return { identity, exited };
  // Gone already: an identity that no process has.
  return { identity: { pid: child.pid ?? 0, startTime: -1 }, exited };
}

function openLog(path: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (error) {
    throw diskFault(error, path, "opening a log");
  }
}
