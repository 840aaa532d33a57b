import { isIP } from "node:net";
import { fault } from "../lib/errors/error.ts";
import { ConnectionStream, type GuestConnection } from "./guest-connection.ts";
import { operation } from "./operations.ts";
import type { Streams } from "./streams.ts";

/** What listens in the guest: a TCP port, on its loopback unless an address is given, or the path of a unix socket. */
export interface DialTarget {
  readonly port?: number | undefined;
  readonly address?: string | undefined;
  readonly path?: string | undefined;
}

const known: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  EAGAIN: "it has too many connections",
};

/** Milliseconds for the guest to say whether somebody answers. */
const answerLimit = 30_000;

/**
 * Begins a connection inside the guest and returns at once: bytes may be written before it stands. The signal and the
 * deadline are for `connected`, which rejects with dial_failed, timed_out, interrupted, channel_closed or guest_protocol.
 *
 * @throws channel_closed, guest_protocol: why the channel is gone
 */
export function dial(streams: Streams, target: DialTarget, signal: AbortSignal): GuestConnection {
  const what = describeTarget(target);
  const connection = new ConnectionStream(streams, encode(target), {
    target: what,
    refuse: ({ errno, reason }) =>
      fault("dial_failed", { target: what, reason: known[errno] ?? reason, errno }),
  });
  const onAbort = (): void =>
    connection.giveUp(fault("interrupted", { what: `dialling ${what}` }, signal.reason));
  const alarm = setTimeout(() => {
    connection.giveUp(fault("timed_out", { what: `dialling ${what}`, seconds: answerLimit / 1000 }));
  }, answerLimit);
  const answered = (): void => {
    clearTimeout(alarm);
    signal.removeEventListener("abort", onAbort);
  };
  connection.connected.then(answered, answered);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return connection;
}

export function describeTarget({ port, address, path = "nothing" }: DialTarget): string {
  if (port === undefined) return path;
  if (address === undefined) return `port ${port}`;
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function encode(target: DialTarget): Buffer {
  return operation("dial").text(160, target.address).u32(161, target.port).text(162, target.path).finish();
}
