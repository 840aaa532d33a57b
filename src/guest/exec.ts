import { type BangerError, fault } from "../lib/errors/error.ts";
import { call, type Refusal } from "./call.ts";
import { operation } from "./operations.ts";
import { type GuestProcess, ProcessStream } from "./process.ts";
import type { Streams } from "./streams.ts";

/** Text, or bytes where it need not be UTF-8. */
export type GuestText = string | Uint8Array;

export interface ExecSpec {
  /** The program and its arguments. Empty: the user's shell, as a login shell. */
  readonly args: readonly GuestText[];
  /** `KEY=value`, added to what a login would set. */
  readonly env?: readonly GuestText[];
  /** `name`, `uid`, `name:group` or `uid:gid`. Default: root. */
  readonly user?: string;
  /** Default: the user's home. */
  readonly cwd?: GuestText;
  /** A terminal of this size, instead of three pipes. */
  readonly tty?: { readonly rows: number; readonly columns: number };
  readonly login?: boolean;
  /** Milliseconds after which the command's process group gets SIGTERM, and SIGKILL 2 s later. */
  readonly timeout?: number;
}

const startTimeout = 60_000;
/** Most bytes that arguments and variables may take together, each with 8 bytes of its own. */
export const execLimit = 1_048_576;

/**
 * Starts a process. The signal and the deadline are for its start: who wants to end it later resets it.
 *
 * @throws exec_failed, guest_protocol, channel_closed, timed_out, interrupted
 */
export async function exec(streams: Streams, spec: ExecSpec, signal: AbortSignal): Promise<GuestProcess> {
  const command = shownCommand(spec);
  return await call(streams, encode(streams, spec, command), {
    doing: `run ${command}`,
    timeout: startTimeout,
    signal,
    accept: (fields, id) => {
      const process = new ProcessStream(streams, id, fields.requireU32(20));
      streams.replace(id, process);
      return process;
    },
    refuse: (refusal) => {
      throw refused(command, refusal);
    },
  });
}

/** Why a command could not be started. */
export function refused(command: string, { errno, reason, step = "exec" }: Refusal): BangerError {
  // What was not found may also be the directory, which says nothing of the command.
  const exit = errno === "ENOENT" && step === "exec" ? 127 : 126;
  return fault("exec_failed", { command, reason, exit });
}

/** A command's name for messages. */
export function shownCommand({ args }: ExecSpec): string {
  return shown(args[0] ?? "the login shell");
}

/** The payload of the OPEN of a command. @throws exec_failed, guest_outdated */
export function encode(
  streams: Streams,
  spec: ExecSpec,
  command: string,
  name: "exec" | "detach" = "exec",
): Buffer {
  const payload = operation(name);
  for (const arg of spec.args) payload.text(10, whole(arg, "an argument", command));
  for (const assignment of spec.env ?? []) payload.text(11, whole(assignment, "a variable", command));
  checkSize(streams, payload.size, command);
  if (spec.timeout !== undefined && streams.version < 2) {
    throw fault("guest_outdated", { doing: "end a command after a time" });
  }
  payload
    .text(12, whole(spec.user, "the user", command))
    .text(13, whole(spec.cwd, "the directory", command))
    .u32(14, spec.tty ? 1 : 0)
    .u32(15, spec.tty?.rows)
    .u32(16, spec.tty?.columns)
    .u32(18, spec.timeout)
    .u32(17, spec.login || spec.args.length === 0 ? 1 : 0);
  if (payload.size > streams.openLimit) throw cannot(command, "its directory and user take too many bytes");
  return payload.finish();
}

function checkSize({ openLimit }: Streams, size: number, command: string): void {
  const limit = Math.min(execLimit, openLimit);
  if (size <= limit) return;
  const older =
    limit < execLimit ? " that the machine's older agent takes; restart the machine for a new one" : "";
  throw cannot(
    command,
    `its arguments and variables take ${size} bytes, which is more than the ${limit}${older}`,
  );
}

/** A text as it is, unless it holds a NUL, at which the guest would cut it off. */
function whole<T extends GuestText | undefined>(value: T, what: string, command: string): T {
  const cut = typeof value === "string" ? value.includes("\0") : value?.includes(0);
  if (cut) throw cannot(command, `${what} contains a NUL byte`);
  return value;
}

function cannot(command: string, reason: string): BangerError {
  return fault("exec_failed", { command, reason, exit: 126 });
}

function shown(program: GuestText): string {
  return typeof program === "string" ? program : Buffer.from(program).toString("utf8");
}
