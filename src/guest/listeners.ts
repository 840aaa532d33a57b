import { isIPv6 } from "node:net";
import { fault } from "../lib/errors/error.ts";
import { ConnectionStream } from "./guest-connection.ts";
import { operation } from "./operations.ts";
import { printable } from "./printable.ts";
import type { Streams } from "./streams.ts";
import { violation } from "./violation.ts";

/** A TCP socket of the guest that listens. */
export interface Listener {
  readonly port: number;
  /** Where it listens: `0.0.0.0` and `::` are everywhere. */
  readonly address: string;
}

/** What came (with the name of its process, as far as the guest knows one) or went. */
export type ListenerChange =
  | (Listener & { readonly change: "opened"; readonly process: string })
  | (Listener & { readonly change: "closed" });

const openedTag = 163;
const closedTag = 164;
/** `u16 tag, u16 zero, u32 length` */
const headerSize = 8;
/** `u8 family, u8 zero, u16 port, u8[16] address`, then the name. */
const fixedSize = 20;
const longestRecord = 1024;

/**
 * What listens in the guest, and every change of it, in batches. What the consumer does not ask for waits in the guest.
 *
 * @throws guest_refused, guest_protocol, channel_closed, interrupted
 */
export async function* watchListeners(
  streams: Streams,
  signal: AbortSignal,
): AsyncGenerator<ListenerChange[]> {
  const watch = new ConnectionStream(streams, operation("ports").finish(), {
    target: "the list of ports",
    refuse: ({ reason }) => fault("guest_refused", { doing: "watch its ports", reason }),
  });
  const reader = new ListenerReader();
  const onAbort = (): void => watch.giveUp(fault("interrupted", { what: "watching ports" }, signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await watch.connected;
    for await (const chunk of watch.readable) {
      const changes = reader.push(chunk as Buffer);
      if (changes.length > 0) yield changes;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    watch.reset();
  }
}

/** Takes a sequence of fields apart, whatever the pieces it arrives in. */
export class ListenerReader {
  #pending: Buffer = Buffer.alloc(0);

  /** @throws guest_protocol */
  push(chunk: Buffer): ListenerChange[] {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const changes: ListenerChange[] = [];
    while (rest.length >= headerSize) {
      const length = rest.readUInt32LE(4);
      if (length > longestRecord) throw violation(`a port's record of ${length} bytes`);
      if (rest.length < headerSize + length) break;
      const change = readRecord(rest.readUInt16LE(0), rest.subarray(headerSize, headerSize + length));
      if (change) changes.push(change);
      rest = rest.subarray(headerSize + length);
    }
    this.#pending = Buffer.from(rest);
    return changes;
  }
}

/** @throws guest_protocol */
function readRecord(tag: number, record: Buffer): ListenerChange | undefined {
  if (tag !== openedTag && tag !== closedTag) return undefined;
  if (record.length < fixedSize) throw violation(`a port's record of ${record.length} bytes`);
  const family = record[0];
  const port = record.readUInt16LE(2);
  if ((family !== 4 && family !== 6) || port === 0) throw violation("a port's record without a port");
  const address = family === 4 ? dotted(record.subarray(4, 8)) : colons(record.subarray(4, fixedSize));
  if (tag === closedTag) return { change: "closed", port, address };
  return { change: "opened", port, address, process: printable(record.subarray(fixedSize)) };
}

function dotted(bytes: Uint8Array): string {
  return Array.from(bytes).join(".");
}

/** IPv6 as people write it (RFC 5952), which the parser of URLs knows. */
function colons(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(":");
  const { hostname } = new URL(`http://[${groups}]`);
  const text = hostname.slice(1, -1);
  return isIPv6(text) ? text : groups;
}
