import { openSync, renameSync, statSync } from "node:fs";
import { type Logger, pino } from "pino";
import { errnoOf } from "../lib/errors/error.ts";

/** A log over this many bytes is set aside as `daemon.log.1` when the daemon starts. */
const rotateAt = 10 * 1024 * 1024;

/** The daemon's log: JSON lines, for `banger daemon logs`. */
export function openDaemonLog(path: string, level: string): Logger {
  rotate(path);
  const file = openSync(path, "a", 0o600);
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: file, sync: true }),
  );
}

function rotate(path: string): void {
  try {
    if (statSync(path).size > rotateAt) renameSync(path, `${path}.1`);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
