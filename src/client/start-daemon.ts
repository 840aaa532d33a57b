import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { diskFault } from "../lib/atomic.ts";
import { within } from "../lib/deadline.ts";
import { fault, fromProblem, type Problem } from "../lib/errors/error.ts";
import { type Paths, packageRoot } from "../lib/paths.ts";

/** Milliseconds for a daemon to open its database, look at its machines and listen. */
const startLimit = 30_000;

/** What a starting daemon says on its file descriptor 3, as one line of JSON, before it closes it. */
export type Announcement = { ready: true } | { problem: Problem; status: number };

/**
 * Starts the daemon in a session of its own and waits until it listens. When another process does the same at this moment,
 * one daemon wins and all wait for that one.
 *
 * @throws what keeps the daemon from starting, daemon_unreachable, directory_not_writable
 */
export async function startDaemon(paths: Paths, env: NodeJS.ProcessEnv): Promise<void> {
  const log = openLog(paths);
  const child = spawn(process.execPath, [...nodeFlags, daemonEntry()], {
    cwd: "/",
    detached: true,
    env: daemonEnvironment(env),
    stdio: ["ignore", log, log, "pipe"],
  });
  const exited = once(child, "exit");
  try {
    await once(child, "spawn");
    const line = readLine(child.stdio[3] as Readable);
    const text = await within("the start of the daemon", startLimit, line);
    await accept(text, paths, exited);
  } finally {
    (child.stdio[3] as Readable | null)?.destroy();
    child.unref();
  }
}

/** Keep the heap small: a daemon lives long and holds little. */
const nodeFlags = ["--max-semi-space-size=2", "--no-warnings=ExperimentalWarning"];

async function accept(text: string, paths: Paths, exited: Promise<unknown>): Promise<void> {
  if (text === "") {
    const [status] = (await exited) as [number | null];
    throw fault("daemon_unreachable", {
      socket: paths.socket,
      reason: `it ended with status ${status} while starting; its log is ${paths.log}`,
    });
  }
  const announcement = JSON.parse(text) as Announcement;
  if ("problem" in announcement) throw fromProblem(announcement.problem, announcement.status);
}

function openLog(paths: Paths): number {
  try {
    mkdirSync(dirname(paths.log), { recursive: true, mode: 0o700 });
    return openSync(paths.log, "a", 0o600);
  } catch (error) {
    throw diskFault(error, paths.log, "opening the daemon's log");
  }
}

/** The bundle beside this one, or the source when this runs from source. */
function daemonEntry(): string {
  const bundled = !import.meta.filename.endsWith(".ts");
  return join(packageRoot(), bundled ? "dist/daemon.js" : "src/daemon/main.ts");
}

/** Only what concerns a program that outlives its caller: where things are, locale, proxies. */
function daemonEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept =
    /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LC_.*|XDG_.*|BANGER_.*|DOCKER_CONFIG|NODE_EXTRA_CA_CERTS|SSL_CERT_.*)$/;
  const proxies = /^(https?|no|all)_proxy$/i;
  const entries = Object.entries(env).filter(([name]) => kept.test(name) || proxies.test(name));
  return { ...Object.fromEntries(entries), NODE_USE_ENV_PROXY: "1" };
}

async function readLine(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.trim();
}
