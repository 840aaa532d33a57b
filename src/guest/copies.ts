import { fault } from "../lib/errors/error.ts";
import { call } from "./call.ts";
import { FieldWriter } from "./fields.ts";
import { fileFields, type GuestFile, operation } from "./operations.ts";
import type { Streams } from "./streams.ts";

/** What makes a copy of a machine one of its own. */
export interface IdentifyOptions {
  readonly hostname: string;
  /** For the guest's random pool, 32 to 512 bytes. */
  readonly entropy: Uint8Array;
  /** A fresh UUID, which stands for the boot that the copy never had. */
  readonly bootId: string;
  /** Together at most what one order takes. */
  readonly files: readonly GuestFile[];
  /** A disk that has grown: its file system grows, too, once the guest sees so many bytes. */
  readonly disk?: { readonly serial: string; readonly size: number } | undefined;
}

/** What the guest reads of itself afterwards. Texts are safe to print; empty where the image has none. */
export interface Identified {
  readonly hostname: string;
  readonly machineId: string;
  readonly bootId: string;
}

const seconds = 1000;

/**
 * Has everything that was written reach the disks; with `forget` also drops journals, leases and seeds, of which copies must not
 * have the same.
 *
 * @throws guest_refused, and as all operations: guest_protocol, channel_closed, timed_out, interrupted
 */
export async function quiesce(
  streams: Streams,
  options: { forget: boolean },
  signal: AbortSignal,
): Promise<void> {
  const payload = operation("quiesce").u32(220, options.forget ? 1 : 0);
  await call(streams, payload.finish(), {
    doing: "come to rest",
    timeout: 120 * seconds,
    signal,
    accept: () => undefined,
  });
}

/** Sets clock, random pool, names, keys and disk of a booted guest, in that order. @throws guest_refused */
export async function identify(
  streams: Streams,
  options: IdentifyOptions,
  signal: AbortSignal,
): Promise<Identified> {
  const doing = "become a machine of its own";
  const payload = operation("identify");
  for (const file of options.files) payload.bytes(224, fileFields(new FieldWriter(), file).finish());
  payload
    .bytes(222, options.entropy)
    .text(223, options.hostname)
    .text(225, options.bootId)
    .text(226, options.disk?.serial);
  if (options.disk) payload.u64(227, BigInt(options.disk.size));
  // Last, because it ages.
  payload.u64(221, BigInt(Date.now()) * 1_000_000n);
  if (payload.size > streams.openLimit) {
    throw fault("guest_refused", { doing, reason: "its files are too many for one order", errno: "EFBIG" });
  }
  return await call(streams, payload.finish(), {
    doing,
    timeout: 60 * seconds,
    signal,
    accept: (fields) => ({
      hostname: fields.text(240) ?? "",
      machineId: fields.text(241) ?? "",
      bootId: fields.text(242) ?? "",
    }),
  });
}
