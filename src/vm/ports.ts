import type { Readable, Writable } from "node:stream";
import type { Context } from "../lib/context.ts";
import type { BangerError } from "../lib/errors/error.ts";
import type { ImageManifest } from "../model/image.ts";
import type { KernelManifest } from "../model/kernel.ts";
import type { Accelerator } from "../vmm/driver.ts";

/** What the life of a machine needs of the services below it, no more. */
export interface Images {
  ensure(ref: string, context: Context): Promise<{ manifest: ImageManifest; rootfs: string }>;
}

export interface Kernels {
  ensure(name: string, context: Context): Promise<KernelManifest>;
  bootFiles(name: string, context: Context): Promise<BootFiles>;
}

export interface BootFiles {
  readonly release: string;
  readonly vmlinuz: string;
  readonly initramfs: string;
  /** Read-only ext4 for /lib/modules/<release>. */
  readonly modules: string;
}

/** Decides how guests run on this host; probing takes seconds the first time. */
export type ChooseAccelerator = (context: Context) => Promise<Accelerator>;

/** @throws guest_unreachable, guest_version, guest_protocol, timed_out, interrupted */
export type ConnectAgent = (options: {
  socket: string;
  vm: string;
  /** Milliseconds until `guest_unreachable`. */
  deadline: number;
  signal: AbortSignal;
}) => Promise<Agent>;

/** The host's end of the channel to a guest's agent (docs/agent-protocol.md). */
export interface Agent {
  readonly welcome: { readonly phase: number };
  readonly closed: Promise<BangerError>;
  mount(options: MountOptions, signal: AbortSignal): Promise<unknown>;
  putFile(file: GuestFile, signal: AbortSignal): Promise<void>;
  boot(options: { init?: string }, signal: AbortSignal): Promise<void>;
  exec(spec: ExecSpec, signal: AbortSignal): Promise<GuestProcess>;
  sync(signal: AbortSignal): Promise<void>;
  shutdown(mode: ShutdownMode, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** 1 asks init to power off, 2 syncs and powers off at once, 3 asks init to reboot. */
export type ShutdownMode = 1 | 2 | 3;

export interface MountOptions {
  readonly rootSerial: string;
  readonly modulesSerial: string;
  readonly hostname: string;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly entropy: Buffer;
  readonly network?: { readonly address: string; readonly gateway: string; readonly mac: string };
  /** Grow the file system to the size of the disk. */
  readonly grow: boolean;
}

export interface GuestFile {
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
  /** Refused with ENOENT when the directory does not exist, instead of making it. */
  readonly parentMustExist?: boolean;
  /** Refused with EEXIST when the file exists, instead of replacing it. */
  readonly mustNotExist?: boolean;
}

export interface ExecSpec {
  readonly args: readonly Buffer[];
  readonly env: readonly Buffer[];
  readonly user?: string;
  readonly cwd?: string;
  readonly tty?: { readonly rows: number; readonly columns: number };
  readonly login: boolean;
}

export interface GuestProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Rejects with channel_closed when the channel ends first. */
  readonly exited: Promise<{ code: number; signal?: number }>;
  resize(rows: number, columns: number): void;
  kill(signal: number): void;
  reset(): void;
}
