import { fault, isFault } from "../lib/errors/error.ts";
import { call } from "./call.ts";
import { type Fields, FieldWriter } from "./fields.ts";
import type { Streams } from "./streams.ts";
import { type Phase, readPhase } from "./welcome.ts";

/** What the initramfs agent needs to reach phase `mounted`. Serials are those of the virtio-blk disks. */
export interface MountOptions {
  readonly rootSerial: string;
  readonly rootFstype: string;
  readonly modulesSerial?: string;
  readonly hostname: string;
  /** For the guest's random pool, 32 to 512 bytes. */
  readonly entropy: Uint8Array;
  /** Grow the root file system to its disk. */
  readonly grow: boolean;
  /** The first Ethernet card; `address` is `a.b.c.d/n`. */
  readonly network?: { readonly address: string; readonly gateway?: string; readonly mac?: string };
}

/** How long the parts of a mount took, in milliseconds, and the size of the root file system in bytes. */
export interface MountReport {
  readonly modules: number;
  readonly mount: number;
  readonly grow: number;
  readonly rootBytes: number;
}

export interface GuestFile {
  /** Absolute; resolved inside the guest's root. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Default 0644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Only where its directory exists. Otherwise missing directories are made. */
  readonly onlyInDirectory?: boolean;
  readonly onlyIfMissing?: boolean;
}

export interface BootOptions {
  /** Path of the program that becomes PID 1. Absent: the agent's own init. */
  readonly init?: string;
  readonly args?: readonly string[];
}

/** `ask` and `reboot` leave it to the guest's init; `now` flushes the disks and powers off without it. */
export type ShutdownMode = "ask" | "now" | "reboot";

export interface GuestInfo {
  /** Milliseconds since the guest's kernel started. */
  readonly uptime: number;
  /** Bytes. */
  readonly memoryTotal: number;
  readonly memoryAvailable: number;
  /** Load of the last minute. */
  readonly load: number;
  readonly phase: Phase;
  readonly hostname: string;
  /** Name of PID 1. */
  readonly init: string;
}

export const operations = {
  exec: 1,
  mount: 2,
  boot: 3,
  sync: 4,
  shutdown: 5,
  info: 6,
  file: 7,
  detach: 8,
  jobs: 9,
  attach: 10,
  jobKill: 11,
  quiesce: 30,
  identify: 31,
  pack: 16,
  unpack: 17,
  store: 18,
  dial: 20,
  ports: 21,
  metrics: 26,
  clock: 27,
} as const;

const seconds = 1000;
const nothing = (): void => undefined;

/** @throws guest_refused, and as all operations: guest_protocol, channel_closed, timed_out, interrupted */
export async function mount(
  streams: Streams,
  options: MountOptions,
  signal: AbortSignal,
): Promise<MountReport> {
  const { network } = options;
  const payload = operation("mount")
    .text(30, options.rootSerial)
    .text(31, options.rootFstype)
    .text(32, options.modulesSerial)
    .text(33, options.hostname)
    .u64(34, BigInt(Date.now()) * 1_000_000n)
    .bytes(35, options.entropy)
    .text(36, network?.address)
    .text(37, network?.gateway)
    .text(38, network?.mac)
    .u32(39, options.grow ? 1 : 0)
    .u32(40, network ? 1 : 0)
    .finish();
  return await call(streams, payload, {
    doing: "mount its disks",
    timeout: 120 * seconds,
    signal,
    accept: (fields) => ({
      modules: milliseconds(fields, 50),
      mount: milliseconds(fields, 51),
      grow: milliseconds(fields, 52),
      rootBytes: Number(fields.requireU64(53)),
    }),
  });
}

/**
 * Says whether the file was written, which only its conditions can prevent. It is at most about 1 MiB, or 32 KiB with an agent of version 1.
 *
 * @throws guest_refused
 */
export async function putFile(streams: Streams, file: GuestFile, signal: AbortSignal): Promise<boolean> {
  const doing = `write ${file.path}`;
  const payload = fileFields(operation("file"), file);
  if (payload.size > streams.openLimit) {
    const reason = `its ${Buffer.byteLength(file.content)} bytes are too many for one order`;
    throw fault("guest_refused", { doing, reason, errno: "EFBIG" });
  }
  try {
    return await call(streams, payload.finish(), {
      doing,
      timeout: 30 * seconds,
      signal,
      accept: () => true,
    });
  } catch (error) {
    const unmet = file.onlyInDirectory ? "ENOENT" : undefined;
    const exists = file.onlyIfMissing ? "EEXIST" : undefined;
    if (isRefusal(error, unmet, exists)) return false;
    throw error;
  }
}

/** What there is to say of a file. */
export function fileFields(writer: FieldWriter, file: GuestFile): FieldWriter {
  return writer
    .text(90, file.path)
    .u32(91, file.mode ?? 0o644)
    .u32(92, file.uid ?? 0)
    .u32(93, file.gid ?? 0)
    .text(94, file.content)
    .u32(95, (file.onlyInDirectory ? 1 : 0) | (file.onlyIfMissing ? 2 : 0));
}

/** Starts PID 1; returns when the agent serves beside it. @throws guest_refused */
export async function boot(streams: Streams, options: BootOptions, signal: AbortSignal): Promise<void> {
  const payload = operation("boot").text(60, options.init);
  for (const arg of options.args ?? []) payload.text(61, arg);
  await call(streams, payload.finish(), {
    doing: "start its init",
    timeout: 60 * seconds,
    signal,
    accept: nothing,
  });
}

/** Everything written in the guest so far is on its disk. @throws guest_refused */
export async function sync(streams: Streams, signal: AbortSignal): Promise<void> {
  await call(streams, operation("sync").finish(), {
    doing: "flush its disks",
    timeout: 120 * seconds,
    signal,
    accept: nothing,
  });
}

/** Returns when the guest has taken the order, or went down before it could say so. @throws guest_refused */
export async function shutdown(streams: Streams, mode: ShutdownMode, signal: AbortSignal): Promise<void> {
  const payload = operation("shutdown").u32(70, { ask: 1, now: 2, reboot: 3 }[mode]);
  try {
    await call(streams, payload.finish(), {
      doing: "shut down",
      timeout: 60 * seconds,
      signal,
      accept: nothing,
    });
  } catch (error) {
    if (!isFault(error, "channel_closed") || mode !== "now") throw error;
  }
}

/** @throws guest_refused */
export async function info(streams: Streams, signal: AbortSignal): Promise<GuestInfo> {
  return await call(streams, operation("info").finish(), {
    doing: "say how it is",
    timeout: 10 * seconds,
    signal,
    accept: (fields) => ({
      uptime: milliseconds(fields, 80),
      memoryTotal: Number(fields.requireU64(81)),
      memoryAvailable: Number(fields.requireU64(82)),
      load: fields.requireU32(83) / 100,
      phase: readPhase(fields, 84),
      hostname: fields.requireText(85),
      init: fields.requireText(86),
    }),
  });
}

/** The beginning of an OPEN. */
export function operation(name: keyof typeof operations): FieldWriter {
  return new FieldWriter().u32(1, operations[name]);
}

function milliseconds(fields: Fields, tag: number): number {
  return Number(fields.requireU64(tag)) / 1e6;
}

function isRefusal(error: unknown, ...errnos: (string | undefined)[]): boolean {
  if (!isFault(error, "guest_refused")) return false;
  const { errno } = error.params as { errno?: string };
  return errno !== undefined && errnos.includes(errno);
}
