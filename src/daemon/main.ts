import { closeSync, writeSync } from "node:fs";
import { sleep } from "../lib/deadline.ts";
import { asFault } from "../lib/errors/error.ts";
import { resolvePaths } from "../lib/paths.ts";
import { compose } from "./compose.ts";
import { loadConfig } from "./config.ts";
import { startDaemon } from "./daemon.ts";
import { openDaemonLog } from "./log.ts";

/** The client that starts a daemon listens on this file descriptor for one line (see src/client/start-daemon.ts). */
const announcementFd = 3;
const paths = resolvePaths();

// Everything that is made is for this user only, whatever the shell's habit.
process.umask(0o077);
await main();

async function main(): Promise<void> {
  try {
    const config = await loadConfig(paths.config);
    const daemon = await startWhenFree(config);
    announce({ ready: true });
    if (!daemon) return;
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => daemon.stop());
    // The terminal that the first command came from may close.
    process.on("SIGHUP", () => undefined);
    await daemon.ended;
    process.exit(0);
  } catch (error) {
    const known = asFault(error);
    process.stderr.write(`${JSON.stringify({ level: 60, msg: known.message, causes: known.causes })}\n`);
    announce({ problem: known.toProblem(), status: known.status });
    process.exit(1);
  }
}

type Config = Awaited<ReturnType<typeof loadConfig>>;

/**
 * Becomes the daemon, or finds that another process is it. A daemon that is just ending still holds the lock but no longer
 * listens; its end is waited for.
 */
async function startWhenFree(config: Config): ReturnType<typeof startDaemon> {
  const log = openDaemonLog(paths.log, process.env.BANGER_LOG_LEVEL ?? config.log_level);
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const daemon = await startDaemon(paths, log, (hooks) => compose({ paths, config, log, ...hooks }));
    if (daemon) {
      log.info({ socket: paths.socket }, "listening");
      return daemon;
    }
    if (await answers()) return undefined;
    await sleep(50);
  }
  return undefined;
}

async function answers(): Promise<boolean> {
  const { createConnection } = await import("node:net");
  return await new Promise((resolve) => {
    const socket = createConnection({ path: paths.socket });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function announce(announcement: object): void {
  try {
    writeSync(announcementFd, `${JSON.stringify(announcement)}\n`);
    closeSync(announcementFd);
  } catch {
    // Started by hand, or by a client that has gone: nobody listens, and the log has it.
  }
}
