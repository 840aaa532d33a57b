import type { DetachedExit } from "../../lib/detached.ts";
import type { MachineEnd } from "../driver.ts";

/** ShutdownCause of QEMU's qapi/run-state.json, by the number that its trace prints. */
const causes = {
  quit: 2,
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
  /** Whether we asked it to end in an orderly way. */
  readonly asked?: boolean;
}

/** Why a machine ended, from what QEMU wrote into its log and how its process ended. */
export function machineEnd(facts: EndFacts): MachineEnd {
  return orderlyEnd(facts) ?? killedEnd(facts) ?? failedEnd(facts) ?? vanished;
}

const vanished: MachineEnd = {
  kind: "vanished",
  reason: "its process is gone: it was killed, or the host restarted",
  expected: false,
};

function orderlyEnd({ log, asked }: EndFacts): MachineEnd | undefined {
  switch (lastCause(log)) {
    case causes.guestShutdown:
      return { kind: "powered-off", reason: "the guest powered off", expected: true };
    case causes.guestReset:
      return { kind: "powered-off", reason: "the guest restarted", expected: true };
    case causes.guestPanic:
      return { kind: "panicked", reason: "the guest's kernel panicked", expected: false };
    case causes.quit:
      return { kind: "quit", reason: "ended on request", expected: true };
  }
  const told = toldToEnd(log);
  if (told === undefined) return undefined;
  if (asked) return { kind: "quit", reason: "ended on request", expected: true };
  return { kind: "killed", reason: told, expected: false };
}

function killedEnd({ exit, sent }: EndFacts): MachineEnd | undefined {
  const signal = exit ? exit.signal : sent;
  // QEMU aborts itself when an assertion fails.
  if (signal === undefined || signal === "SIGABRT") return undefined;
  return { kind: "killed", reason: `killed by ${signal}`, expected: false };
}

function failedEnd({ log, exit }: EndFacts): MachineEnd | undefined {
  const words = lastError(log);
  if (words !== undefined) return { kind: "failed", reason: `QEMU failed: ${words}`, expected: false };
  if (!exit || (exit.status === 0 && exit.signal === undefined)) return undefined;
  const how = exit.signal ?? `status ${exit.status}`;
  return { kind: "failed", reason: `QEMU failed: ${how}`, expected: false };
}

/**
 * QEMU's own complaint in a log, without the program's name: what it calls an error, else its last line; undefined when there
 * is none.
 */
export function lastError(log: string): string | undefined {
  const lines = log
    .split("\n")
    .map((line) => line.replaceAll(/[^\x20-\x7e]/g, "").trim())
    .filter(
      (line) =>
        line !== "" && !/^(?:\S*:)?qemu_system_|: (warning|info): |: terminating on signal /.test(line),
    )
    .map((line) => line.replace(/^.*?qemu-system-x86_64: /, "").slice(0, 300));
  const error = lines.find((line) => /^error: |^KVM internal error/.test(line)) ?? lines.at(-1);
  return error?.replace(/^error: /, "");
}

function lastCause(log: string): number | undefined {
  const found = [...log.matchAll(/^(?:\S*:)?qemu_system_shutdown_request reason=(\d+)$/gm)];
  const digits = found.at(-1)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** QEMU: `terminating on signal 15 from pid 4711 (kill)`. */
function toldToEnd(log: string): string | undefined {
  const match = /terminating on signal (\d+)(?: from pid (\d+)(?: \(([^)\n]*)\))?)?/.exec(log);
  if (!match) return undefined;
  const [, signal, pid, program] = match;
  const by = pid === undefined || pid === "0" ? "" : ` from process ${pid}${program ? ` (${program})` : ""}`;
  return `ended by signal ${signal}${by}`;
}
