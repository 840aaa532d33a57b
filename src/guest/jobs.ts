import { fault } from "../lib/errors/error.ts";
import { call } from "./call.ts";
import { type ExecSpec, encode, refused, shownCommand } from "./exec.ts";
import { Fields } from "./fields.ts";
import { operation } from "./operations.ts";
import { type GuestProcess, ProcessStream } from "./process.ts";
import type { Streams } from "./streams.ts";

/** A command in the guest that no session holds. */
export interface GuestJob {
  /** Counts up from 1 since the guest started. */
  readonly id: number;
  readonly pid: number;
  /** Its arguments as one line, cut to 200 bytes. Safe to print. */
  readonly command: string;
  /** Milliseconds since 1970, by the guest's clock. */
  readonly started: number;
  /** Bytes that it has said so far. */
  readonly output: number;
  /** When and how it ended, if it has. */
  readonly ended?: {
    readonly at: number;
    readonly code: number;
    readonly signal?: number;
    readonly timedOut?: boolean;
  };
}

const timeout = 60_000;

/**
 * Starts a command that runs on whatever becomes of this side. Its input is at its end. Gives its job's id.
 *
 * @throws exec_failed, guest_outdated, guest_protocol, channel_closed, timed_out, interrupted
 */
export async function detach(streams: Streams, spec: ExecSpec, signal: AbortSignal): Promise<number> {
  const command = shownCommand(spec);
  return await call(streams, encode(streams, spec, command, "detach"), {
    doing: `run ${command} detached`,
    timeout,
    signal,
    accept: (fields) => fields.requireU32(100),
    refuse: (refusal) => {
      throw refused(command, refusal);
    },
  });
}

/** Those that run, and the last that ended. @throws guest_outdated, guest_refused, … */
export async function jobs(streams: Streams, signal: AbortSignal): Promise<GuestJob[]> {
  return await call(streams, operation("jobs").finish(), {
    doing: "list its detached commands",
    timeout,
    signal,
    accept: (fields) =>
      fields
        .every(101)
        .map(readJob)
        .toSorted((a, b) => a.id - b.id),
  });
}

/**
 * Follows a job: what is kept of its output, then what it says, then its end. It goes on when its follower leaves.
 *
 * @throws job_not_found, guest_outdated, guest_protocol, channel_closed, timed_out, interrupted
 */
export async function attach(
  streams: Streams,
  job: { vm: string; id: number },
  signal: AbortSignal,
): Promise<GuestProcess> {
  return await call(streams, operation("attach").u32(100, job.id).finish(), {
    doing: `follow its detached command ${job.id}`,
    timeout,
    signal,
    accept: (fields, id) => {
      const process = new ProcessStream(streams, id, fields.requireU32(20));
      streams.replace(id, process);
      return process;
    },
    refuse: () => {
      throw fault("job_not_found", { vm: job.vm, job: job.id });
    },
  });
}

/** Sends a signal to a job's process group. One that has ended is left as it is. @throws job_not_found, guest_outdated, … */
export async function killJob(
  streams: Streams,
  job: { vm: string; id: number },
  number: number,
  signal: AbortSignal,
): Promise<void> {
  await call(streams, operation("jobKill").u32(100, job.id).u32(112, number).finish(), {
    doing: `signal its detached command ${job.id}`,
    timeout,
    signal,
    accept: () => undefined,
    refuse: ({ errno, reason }) => {
      if (errno === "ESRCH") return;
      if (errno === "ENOENT") throw fault("job_not_found", { vm: job.vm, job: job.id });
      throw fault("guest_refused", { doing: `signal its detached command ${job.id}`, reason, errno });
    },
  });
}

/** @throws guest_protocol */
function readJob(entry: Buffer): GuestJob {
  const fields = new Fields(entry, "a job");
  const at = fields.u64(105);
  const signal = fields.u32(107);
  const late = fields.u32(110) === 1 ? { timedOut: true } : {};
  return {
    id: fields.requireU32(102),
    pid: fields.requireU32(103),
    command: fields.requireText(109),
    started: milliseconds(fields.requireU64(104)),
    output: Number(fields.requireU64(108)),
    ...(at === undefined
      ? {}
      : {
          ended: {
            at: milliseconds(at),
            ...(signal === undefined ? { code: fields.requireU32(106) } : { code: 128 + signal, signal }),
            ...late,
          },
        }),
  };
}

/** What a guest's clock says may be anything; a date must come of it. */
function milliseconds(nanoseconds: bigint): number {
  return Math.min(Number(nanoseconds / 1_000_000n), 8.64e15);
}
