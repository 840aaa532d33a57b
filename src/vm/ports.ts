import type { Traffic } from "../guest/connection.ts";
import type { Identified, IdentifyOptions } from "../guest/copies.ts";
import type { PackSpec, StoreSpec, UnpackSpec } from "../guest/copy.ts";
import type { DialTarget } from "../guest/dial.ts";
import type { ExecSpec } from "../guest/exec.ts";
import type { GuestConnection } from "../guest/guest-connection.ts";
import type { GuestJob } from "../guest/jobs.ts";
import type { ListenerChange } from "../guest/listeners.ts";
import type { GuestMetrics } from "../guest/metrics.ts";
import type { BootOptions, GuestFile, GuestInfo, MountOptions, ShutdownMode } from "../guest/operations.ts";
import type { GuestProcess } from "../guest/process.ts";
import type { Phase } from "../guest/welcome.ts";
import type { FillImage } from "../image/service.ts";
import type { Context } from "../lib/context.ts";
import type { BangerError } from "../lib/errors/error.ts";
import type { Image, ImageManifest } from "../model/image.ts";
import type { KernelManifest } from "../model/kernel.ts";
import type { Publication, VmPorts } from "../model/ports.ts";
import type { Accelerator } from "../vmm/driver.ts";

export type { DialTarget } from "../guest/dial.ts";
export type { ExecSpec } from "../guest/exec.ts";
export type { GuestConnection } from "../guest/guest-connection.ts";
export type { GuestProcess } from "../guest/process.ts";

/** What the life of a machine needs of the image service. */
export interface Images {
  ensure(ref: string, context: Context): Promise<{ manifest: ImageManifest; rootfs: string }>;
  /** Makes an image of what `fill` writes. */
  make(name: string, fill: FillImage, context: Context): Promise<Image>;
}

/** What it needs of the kernel service. */
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

/** @throws guest_unreachable, guest_version, guest_protocol, interrupted */
export type ConnectAgent = (options: {
  socket: string;
  vm: string;
  /** Milliseconds until `guest_unreachable`. */
  deadline: number;
  signal: AbortSignal;
  /** Lines of the agent's log. */
  onLog?: (line: string) => void;
}) => Promise<Agent>;

/** The host's end of the channel to a guest's agent (docs/agent-protocol.md). */
export interface Agent {
  readonly welcome: { readonly phase: Phase };
  readonly closed: Promise<BangerError>;
  readonly traffic: Traffic;
  mount(options: MountOptions, signal: AbortSignal): Promise<unknown>;
  /** False when a condition of the file was not met. */
  putFile(file: GuestFile, signal: AbortSignal): Promise<boolean>;
  boot(options: BootOptions, signal: AbortSignal): Promise<void>;
  exec(spec: ExecSpec, signal: AbortSignal): Promise<GuestProcess>;
  detach(spec: ExecSpec, signal: AbortSignal): Promise<number>;
  jobs(signal: AbortSignal): Promise<GuestJob[]>;
  attach(job: { vm: string; id: number }, signal: AbortSignal): Promise<GuestProcess>;
  killJob(job: { vm: string; id: number }, number: number, signal: AbortSignal): Promise<void>;
  pack(spec: PackSpec, signal: AbortSignal): Promise<GuestProcess>;
  unpack(spec: UnpackSpec, signal: AbortSignal): Promise<GuestProcess>;
  store(spec: StoreSpec, signal: AbortSignal): Promise<GuestProcess>;
  dial(target: DialTarget, signal: AbortSignal): GuestConnection;
  watchListeners(signal: AbortSignal): AsyncIterable<ListenerChange[]>;
  sync(signal: AbortSignal): Promise<void>;
  shutdown(mode: ShutdownMode, signal: AbortSignal): Promise<void>;
  quiesce(options: { forget: boolean }, signal: AbortSignal): Promise<void>;
  identify(options: IdentifyOptions, signal: AbortSignal): Promise<Identified>;
  info(signal: AbortSignal): Promise<GuestInfo>;
  metrics(signal: AbortSignal): Promise<GuestMetrics>;
  compareClock(options: { set: boolean }, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** The machines' place in the network of this host. */
export interface VmNetwork {
  /** @throws port_published */
  check(publish: readonly Publication[]): void;
  /** @throws port_published */
  assign(vm: string, publish: readonly Publication[]): void;
  attach(vm: { id: string; name: string }, agent: Agent): () => void;
  ports(vm: string): VmPorts;
}
