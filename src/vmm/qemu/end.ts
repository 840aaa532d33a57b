import type { DetachedExit } from "../../lib/detached.ts";
import type { MachineEnd } from "../driver.ts";

/** ShutdownCause of QEMU's qapi/run-state.json, by the number that its trace prints. */
const causes = {
  hostError: 1,
  quit: 2,
  signal: 4,
  guestShutdown: 6,
  guestReset: 7,
  guestPanic: 8,
};

/** What is known about a process that is gone. */
export interface EndFacts {
  /** The end of QEMU's log. */
  readonly log: string;
  /** How it ended, when it was our child. */
  readonly exit?: DetachedExit | undefined;
  /** The last signal that we sent it. */
  readonly sent?: NodeJS.Signals | undefined;
}

/** Why a machine ended, from what QEMU wrote into its log and how its process ended. */
export function machineEnd({ log, exit, sent }: EndFacts): MachineEnd {
  const cause = lastCause(log);
  switch (cause) {
    case causes.guestShutdown:
      return { kind: "powered-off", reason: "the guest powered off", expected: true };
    case causes.guestReset:
      return { kind: "powered-off", reason: "the guest restarted", expected: true };
    case causes.guestPanic:
      return { kind: "panicked", reason: "the guest's kernel panicked", expected: false };
    case causes.quit:
      return { kind: "quit", reason: "ended on request", expected: true };
    case causes.signal:
      return { kind: "killed", reason: toldToEnd(log), expected: false };
  }
  const signal = exit?.signal ?? (exit === undefined ? sent : undefined);
  if (signal !== undefined && signal !== "SIGABRT") {
    return { kind: "killed", reason: `killed by ${signal}`, expected: false };
  }
  const words = lastError(log);
  if (words !== undefined || exit?.signal !== undefined || (exit?.status ?? 0) !== 0) {
    const detail = words ?? (exit?.signal ? exit.signal : `status ${exit?.status}`);
    return { kind: "failed", reason: `QEMU failed: ${detail}`, expected: false };
  }
  return {
    kind: "vanished",
    reason: "its process is gone: it was killed, or the host restarted",
    expected: false,
  };
}

/** The last line of a log that is QEMU's own complaint, without the program's name; undefined when there is none. */
export function lastError(log: string): string | undefined {
  return log
    .split("\n")
    .map((line) => line.replaceAll(/[^\x20-\x7e]/g, "").trim())
    .filter((line) => line !== "" && !/^qemu_system_|: (warning|info): |: terminating on signal /.test(line))
    .map((line) => line.replace(/^.*?qemu-system-x86_64: /, "").slice(0, 300))
    .at(-1);
}

function lastCause(log: string): number | undefined {
  const found = [...log.matchAll(/^(?:\S+ )?qemu_system_shutdown_request reason=(\d+)$/gm)];
  const digits = found.at(-1)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** QEMU: `terminating on signal 15 from pid 4711 (kill)`. */
function toldToEnd(log: string): string {
  const match = /terminating on signal (\d+)(?: from pid (\d+)(?: \(([^)\n]*)\))?)?/.exec(log);
  if (!match) return "ended by a signal";
  const [, signal, pid, program] = match;
  const by = pid === undefined || pid === "0" ? "" : ` from process ${pid}${program ? ` (${program})` : ""}`;
  return `ended by signal ${signal}${by}`;
}
