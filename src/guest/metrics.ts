import { call } from "./call.ts";
import type { Fields } from "./fields.ts";
import { operation } from "./operations.ts";
import type { Streams } from "./streams.ts";

/** How busy a guest is, as its own kernel counts. What the guest cannot tell is absent. Milliseconds and bytes. */
export interface GuestMetrics {
  /** Since the guest's kernel started. */
  readonly uptime: number;
  /** Time of all processors together since the guest's start: in all, and not idle. */
  readonly cpu?: { readonly busy: number; readonly total: number; readonly count: number };
  /** `available` is what programs could still have. */
  readonly memory?: { readonly total: number; readonly available: number };
  /** Of the last minute. */
  readonly load?: number;
  /** The root file system. */
  readonly root?: { readonly total: number; readonly free: number };
  /** All network cards together, the loopback one not among them. */
  readonly network?: { readonly received: number; readonly sent: number };
}

const timeout = 10_000;

/** @throws guest_refused, guest_protocol, channel_closed, timed_out, interrupted */
export async function metrics(streams: Streams, signal: AbortSignal): Promise<GuestMetrics> {
  return await call(streams, operation("metrics").finish(), {
    doing: "say how busy it is",
    timeout,
    signal,
    accept: readMetrics,
  });
}

function readMetrics(fields: Fields): GuestMetrics {
  const busy = nanoseconds(fields, 190);
  const total = nanoseconds(fields, 191);
  const memory = pair(fields, 193, 194);
  const load = fields.u32(195);
  const root = pair(fields, 196, 197);
  const network = pair(fields, 198, 199);
  return {
    uptime: exact(fields.requireU64(200)) / 1e6,
    ...(busy === undefined || total === undefined
      ? {}
      : { cpu: { busy, total, count: fields.u32(192) ?? 1 } }),
    ...(memory ? { memory: { total: memory[0], available: memory[1] } } : {}),
    ...(load === undefined ? {} : { load: load / 100 }),
    ...(root ? { root: { total: root[0], free: root[1] } } : {}),
    ...(network ? { network: { received: network[0], sent: network[1] } } : {}),
  };
}

function nanoseconds(fields: Fields, tag: number): number | undefined {
  const value = fields.u64(tag);
  return value === undefined ? undefined : exact(value) / 1e6;
}

function pair(fields: Fields, one: number, other: number): [number, number] | undefined {
  const first = fields.u64(one);
  const second = fields.u64(other);
  return first === undefined || second === undefined ? undefined : [exact(first), exact(second)];
}

/** No honest number is larger than what a double can hold exactly. */
function exact(value: bigint): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}
