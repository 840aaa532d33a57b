import { fault } from "../lib/errors/error.ts";
import { call } from "./call.ts";
import type { GuestText } from "./exec.ts";
import type { FieldWriter } from "./fields.ts";
import { operation } from "./operations.ts";
import { type GuestProcess, ProcessStream } from "./process.ts";
import type { Streams } from "./streams.ts";

export interface PackSpec {
  /** Absolute; resolved inside the guest's root. */
  readonly path: GuestText;
  /** Its name in the archive. Default: ".", what is below it. */
  readonly name?: GuestText;
  /** A link in the last place stands for what it leads to. Default: true. */
  readonly follow?: boolean;
}

export interface UnpackSpec {
  readonly path: GuestText;
  /** The path must be a directory that exists. */
  readonly directory?: boolean;
  /** Those of the archive, by number. */
  readonly keepOwners?: boolean;
  /** `user`, `uid`, `user:group` or `uid:gid` of everything. Default: root. */
  readonly owner?: string;
}

export interface StoreSpec {
  readonly path: GuestText;
  /** Default: those of the file that is replaced, else root and 0644. */
  readonly owner?: string;
  readonly mode?: number;
}

const flags = { intoDirectory: 1, keepOwners: 2, noFollow: 4 };
const startTimeout = 60_000;

/**
 * Starts packing: the archive comes on standard output. As of all three, standard error has `ERRNO MESSAGE` when the status is
 * not 0.
 *
 * @throws guest_refused (with the errno), guest_protocol, channel_closed, timed_out, interrupted
 */
export async function pack(streams: Streams, spec: PackSpec, signal: AbortSignal): Promise<GuestProcess> {
  const payload = operation("pack").text(130, spec.path).text(131, spec.name);
  if (spec.follow === false) payload.u32(132, flags.noFollow);
  return await start(streams, payload, `read ${String(spec.path)}`, signal);
}

/** Starts unpacking of an archive on standard input; standard output has counts in the end. Throws as `pack`. */
export async function unpack(streams: Streams, spec: UnpackSpec, signal: AbortSignal): Promise<GuestProcess> {
  const bits = (spec.directory ? flags.intoDirectory : 0) | (spec.keepOwners ? flags.keepOwners : 0);
  const payload = operation("unpack").text(130, spec.path).u32(132, bits).text(133, spec.owner);
  return await start(streams, payload, `write ${String(spec.path)}`, signal);
}

/** Starts writing of one file, whose content is standard input. Throws as `pack`. */
export async function store(streams: Streams, spec: StoreSpec, signal: AbortSignal): Promise<GuestProcess> {
  const payload = operation("store").text(130, spec.path).text(133, spec.owner).u32(134, spec.mode);
  return await start(streams, payload, `write ${String(spec.path)}`, signal);
}

async function start(
  streams: Streams,
  payload: FieldWriter,
  doing: string,
  signal: AbortSignal,
): Promise<GuestProcess> {
  return await call(streams, payload.finish(), {
    doing,
    timeout: startTimeout,
    signal,
    accept: (fields, id) => {
      const process = new ProcessStream(streams, id, fields.requireU32(20));
      streams.replace(id, process);
      return process;
    },
    refuse: (refusal) => {
      throw fault("guest_refused", { doing, ...refusal });
    },
  });
}
