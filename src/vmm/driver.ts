import type { Context } from "../lib/context.ts";
import type { ProcessIdentity } from "../lib/process-identity.ts";

/** How a guest's instructions are run: by the processor through KVM, or translated by QEMU. */
export type Accelerator = "kvm" | "tcg";

/** What a driver can do beyond the lifecycle. Callers ask for a feature, never for a driver's name. */
export interface DriverFeatures {
  readonly nat: boolean;
  readonly pause: boolean;
  readonly snapshot: boolean;
}

/** One way to run machines. Composed of small parts, so that a caller can name what it needs. */
export interface Driver extends MachineStarter, MachineRestorer, MachineFinder, DiskMaker {
  readonly name: string;
  readonly features: DriverFeatures;
}

export interface MachineStarter {
  /**
   * Starts a machine whose run directory exists, and returns when its monitor answers: the guest runs from then on. On
   * any failure, the signal's abort included, the process and its sockets are gone.
   *
   * @throws vmm_missing, vmm_failed, vmm_protocol, unsupported_here, path_too_long, timed_out, interrupted
   */
  start(spec: MachineSpec, context: Context): Promise<Machine>;
  /** The machine that an earlier daemon started, if the very same process still runs and its monitor answers. */
  adopt(runtime: MachineRuntime): Promise<Machine | undefined>;
}

/** With the feature `snapshot`. */
export interface MachineRestorer {
  /**
   * Starts a machine where another one of the same shape was saved: its memory is mapped, not copied, and what it changes of it
   * stays its own. Its disks must hold what the other's held at that moment. The guest runs when this returns.
   *
   * @throws as `start`; vmm_failed also when the snapshot is damaged or of another shape
   */
  restore(
    spec: MachineSpec,
    snapshot: MachineSnapshot,
    context: Context,
    options?: RestoreOptions,
  ): Promise<Machine>;
  /**
   * A digest of everything that a snapshot of such a machine depends on, beside what its disks hold: monitor, processor, size,
   * devices, kernel. Snapshots can be restored only where it is the same.
   *
   * @throws vmm_missing, unsupported_here, tool_failed, timed_out, interrupted
   */
  snapshotKey(spec: MachineSpec, signal?: AbortSignal): Promise<string>;
}

export interface RestoreOptions {
  /** Called when everything is loaded and before the guest runs: what it throws ends the machine, and the guest has not gone on. */
  readonly beforeRun?: () => Promise<void>;
}

/** A machine's memory and the state of its devices, of one moment. Absolute paths; never written once made. */
export interface MachineSnapshot {
  /** What `memoryFile` of the saved machine was; absent when `state` holds the memory, too. */
  readonly memory?: string | undefined;
  /** As `saveState` wrote it. */
  readonly state: string;
}

export interface MachineFinder {
  /**
   * The processes of this user that hold a run directory at or below `root`, whoever started them. What a daemon that was
   * killed between starting a process and noting it left behind.
   */
  find(root: string): Promise<FoundProcess[]>;
  /** Why a machine ended that nobody watched, as far as its log tells. */
  lastWords(runtime: MachineRuntime): Promise<MachineEnd>;
}

export interface FoundProcess {
  readonly process: ProcessIdentity;
  readonly runDirectory: string;
}

export interface DiskMaker {
  /**
   * Makes a machine's disk in `directory`, copy-on-write over `base`, `size` bytes large as the guest sees it.
   *
   * @throws no_space, directory_not_writable, tool_missing, tool_failed
   */
  createDisk(options: NewDisk, signal?: AbortSignal): Promise<DiskFile>;
  /**
   * Writes what a disk and all below it hold to a raw, sparse file, on stable storage when this resolves. What a failure leaves of the
   * file is the caller's to remove.
   *
   * @throws no_space, directory_not_writable, tool_missing, tool_failed, interrupted
   */
  flattenDisk(work: Flattening, context: Context): Promise<void>;
  /**
   * Freezes the disk of a stopped machine: what it holds is at `frozen` from now on and never written again, and the answer is the disk
   * that the machine goes on with. Nothing is left when it fails.
   *
   * @throws no_space, directory_not_writable, interrupted
   */
  freezeDisk(work: Freezing, signal?: AbortSignal): Promise<FrozenDisk>;
  /** Makes the disk of a stopped machine larger. @throws no_space, directory_not_writable, tool_missing, tool_failed */
  growDisk(disk: DiskFile, size: number, signal?: AbortSignal): Promise<void>;
  /** Bytes that the disk occupies on the host; 0 when there is none. */
  diskUsed(disk: DiskFile): Promise<number>;
}

export interface NewDisk {
  readonly directory: string;
  /** A raw image, or another disk; it must stay where it is and as it is. */
  readonly base: string | DiskFile;
  /** Bytes. */
  readonly size: number;
  /** Without the ending. Default: `disk`. */
  readonly name?: string;
}

/** Where a file goes that a driver makes: the driver adds the ending. */
export interface FilePlace {
  readonly directory: string;
  readonly name: string;
}

export interface Freezing {
  readonly disk: DiskFile;
  /** Bytes, as the guest sees it. */
  readonly size: number;
  /** On the file system of the disk. */
  readonly frozen: FilePlace;
  /** A driver that goes on with the same file leaves this unused. */
  readonly next: FilePlace;
}

export interface FrozenDisk {
  readonly frozen: DiskFile;
  readonly next: DiskFile;
}

export interface Flattening {
  readonly disk: DiskFile;
  /** Bytes, as the guest sees it. */
  readonly size: number;
  /** Does not exist. */
  readonly target: string;
}

export interface DiskFile {
  /** Absolute. */
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

/** Everything a machine is made of, all paths absolute. Sizes in bytes. */
export interface MachineSpec {
  readonly id: string;
  readonly name: string;
  /** For sockets: exists, ours, 0700, and short, because a socket's address has 107 bytes. */
  readonly runDirectory: string;
  /** What the monitor itself says goes to `vmm.log` in here. Exists. */
  readonly logDirectory: string;
  /** What the guest writes on its console is appended here. */
  readonly consoleLog: string;
  readonly accelerator: Accelerator;
  readonly vcpu: number;
  readonly memory: number;
  /** Where the guest's memory lies, for a machine that is to be saved and never let go on: made by the monitor, sparse. */
  readonly memoryFile?: string | undefined;
  /** Yields to everything else on the host. */
  readonly background?: boolean | undefined;
  readonly kernel: { readonly vmlinuz: string; readonly initramfs: string; readonly commandLine: string };
  /** In the order in which the guest sees them. */
  readonly disks: readonly MachineDisk[];
  /** Absent: the guest has no network card. */
  readonly nic?: UserNic | undefined;
}

export interface MachineDisk extends DiskFile {
  /** How the guest tells its disks apart: at most 20 of `[A-Za-z0-9_.-]`. */
  readonly serial: string;
  readonly readOnly: boolean;
}

/** User-mode networking. The guest is 10.0.2.15/24, the gateway and the host 10.0.2.2, the resolver 10.0.2.3. */
export interface UserNic {
  readonly kind: "user";
  /** `52:54:00:xx:xx:xx` */
  readonly mac: string;
}

/** What finds a running machine again: plain JSON, kept in the database. */
export interface MachineRuntime {
  readonly driver: string;
  /** Version of the monitor that runs the machine. */
  readonly version: string;
  readonly accelerator: Accelerator;
  readonly process: ProcessIdentity;
  readonly agentSocket: string;
  readonly monitorSocket: string;
  readonly consoleLog: string;
  /** The monitor's own log. */
  readonly log: string;
}

export interface Machine {
  readonly runtime: MachineRuntime;
  /** The byte stream to the agent (docs/agent-protocol.md): one client at a time. */
  readonly agentSocket: string;
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Ends the machine at once, its disks flushed; by force after `timeout` ms (5000). Resolves when the process is gone. */
  quit(options?: { timeout?: number }): Promise<MachineEnd>;
  /**
   * With the feature `snapshot`: writes the state of a paused machine's devices to `path`, and its memory as well unless that is in
   * a file. It stays paused.
   *
   * @throws vmm_failed, vmm_protocol, no_space, directory_not_writable, timed_out, interrupted
   */
  saveState(path: string, signal?: AbortSignal): Promise<void>;
  /**
   * With the feature `snapshot`: saves a machine that runs, memory, devices and its writable disk of one moment. Unless it is to end,
   * it goes on, also when this fails, and stands still only for the last part of it.
   *
   * @throws as `saveState`
   */
  capture(wish: CaptureWish, signal?: AbortSignal): Promise<Captured>;
  /** Tells the guest that a disk, the `index`th of its spec, has become `size` bytes large. @throws as `pause` */
  announceDiskSize(index: number, size: number, signal?: AbortSignal): Promise<void>;
  /** Sends a signal to the monitor's process. False when it is gone. */
  signal(name: NodeJS.Signals): boolean;
  /** Stops the guest's processors; its memory and its devices stay as they are. @throws vmm_protocol, timed_out, interrupted */
  pause(signal?: AbortSignal): Promise<void>;
  /** Lets a paused guest go on. One that runs is left as it is. Throws as `pause`. */
  resume(signal?: AbortSignal): Promise<void>;
  /** Calls the listener whenever the guest goes on after a pause, whoever asked for that. Returns what ends that. */
  onResume(listener: () => void): () => void;
  /** Calls the listener whenever the guest restarts in the same process: its agent begins anew. Returns what ends that. */
  onReset(listener: () => void): () => void;
  /** Stops watching without touching the machine: for a daemon that leaves. `ended` never resolves afterwards. */
  detach(): void;
}

export interface CaptureWish {
  /** Files that do not exist yet, which `restore` takes; absent: the disk alone. */
  readonly snapshot?: { readonly memory: string; readonly state: string } | undefined;
  /** Absent: the disk stays as it is, because the machine ends. */
  readonly disk?: CaptureDisk | undefined;
  /** Whether the guest goes on; otherwise it stays paused. */
  readonly goOn: boolean;
}

export interface CaptureDisk extends Omit<Freezing, "disk" | "size"> {
  /**
   * Called before the machine may write to `next`, in which everything of the disk is visible from then on, whatever happens: so that
   * the machine is found with its disk after a crash.
   */
  readonly onSwitch: (disk: FrozenDisk) => void;
}

export interface Captured {
  /** Milliseconds that the guest stood still; 0 when it was not stopped. */
  readonly pause: number;
  readonly disk?: FrozenDisk | undefined;
}

export interface MachineEnd {
  readonly kind: "powered-off" | "panicked" | "quit" | "killed" | "failed" | "vanished";
  /** What a person reads, without a full stop: "the guest powered off". */
  readonly reason: string;
  /** True when the guest or its owner ended it in an orderly way. */
  readonly expected: boolean;
}
