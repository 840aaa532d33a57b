import { call } from "./call.ts";
import { operation } from "./operations.ts";
import type { Streams } from "./streams.ts";

const timeout = 10_000;

/**
 * Milliseconds by which the guest's clock is behind the host's as of the moment of asking; negative when it is ahead. An answer
 * that takes long is off by as much. With `set` the guest takes the host's time over.
 *
 * @throws guest_refused, guest_protocol, channel_closed, timed_out, interrupted
 */
export async function compareClock(
  streams: Streams,
  { set }: { set: boolean },
  signal: AbortSignal,
): Promise<number> {
  const payload = operation("clock")
    .u64(205, BigInt(Date.now()) * 1_000_000n)
    .u32(206, set ? 1 : 0)
    .finish();
  return await call(streams, payload, {
    doing: "set its clock",
    timeout,
    signal,
    accept: (fields) => Number(BigInt.asIntN(64, fields.requireU64(207))) / 1e6,
  });
}
