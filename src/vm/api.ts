import type { TreeSource } from "../archive/tree/pack.ts";
import type { CopyResult } from "../archive/tree/unpack.ts";
import type { PackSpec, StoreSpec, UnpackSpec } from "../guest/copy.ts";
import type { Context } from "../lib/context.ts";
import type { PruneResult, SshTarget } from "../model/api/answers.ts";
import type { BuildImage } from "../model/api/build.ts";
import type {
  BuildTemplate,
  CommitVm,
  CreateVm,
  DetachRequest,
  DialRequest,
  ExecRequest,
  SetVm,
  WaitVm,
} from "../model/api/requests.ts";
import type { Image } from "../model/image.ts";
import type { Job } from "../model/job.ts";
import type { LogRequest } from "../model/log-request.ts";
import type { VmPorts } from "../model/ports.ts";
import type { VmStats } from "../model/stats.ts";
import type { Template } from "../model/template.ts";
import type { Vm } from "../model/vm.ts";
import type { GuestConnection, GuestProcess } from "./ports.ts";
import type { TemplateUse } from "./templates/templates.ts";

/**
 * Everything that can be asked of machines. `ref` is a name, an id, or at least three characters of an id's beginning; every
 * method that takes one throws vm_not_found and vm_ambiguous. Methods that take a context end with `interrupted` when its
 * signal aborts.
 */
export interface VmApi {
  /** All machines, oldest first. */
  list(): Promise<Vm[]>;
  show(ref: string): Promise<Vm>;

  /** What a machine takes at this moment. */
  stats(ref: string, signal: AbortSignal): Promise<VmStats>;
  /** The same of all machines, oldest first. */
  allStats(signal: AbortSignal): Promise<VmStats[]>;

  /**
   * Resolves image and kernel, reserves the name, and starts the machine unless `start` is false. What fails or is cancelled
   * leaves nothing behind.
   *
   * @throws vm_name_invalid, vm_name_taken, vm_spec_invalid, image_not_found, kernel_not_found, and what `start` throws
   */
  create(request: CreateVm, context: Context): Promise<Vm>;

  /**
   * Returns when the agent has handed over to the image's init: commands run from then on. Starting a running machine changes
   * nothing. A machine that fails to start is left in state `error` with the reason.
   *
   * @throws vm_failed, guest_unreachable, and what driver, image and kernel throw
   */
  start(ref: string, context: Context): Promise<Vm>;

  /**
   * Writes the guest's data to its disk and shuts it down; `timeout` is in seconds, after which it is powered off. A machine that is
   * just starting stops starting.
   */
  stop(ref: string, options: { timeout?: number }, context: Context): Promise<Vm>;
  /** Stops if it runs, and starts with what `set` left pending. */
  restart(ref: string, options: { timeout?: number }, context: Context): Promise<Vm>;

  /** Sends a signal to the machine's process on the host and waits a few seconds for its end. @throws vm_wrong_state */
  kill(ref: string, options: { signal?: NodeJS.Signals }, context: Context): Promise<Vm>;

  /** Ends the machine if it runs and removes everything of it. Returns what it was. */
  remove(ref: string, context: Context): Promise<Vm>;
  /** Removes every machine that does not run and that nobody is working on. */
  prune(context: Context): Promise<PruneResult>;

  /**
   * Changes the size of a machine; on one that runs the change is kept as `pending` until its next start.
   *
   * @throws vm_spec_invalid, vm_disk_shrink
   */
  set(ref: string, request: SetVm): Promise<Vm>;

  /**
   * Makes an image of a stopped machine's disk, without what made it this machine's; with `stop` one that runs is stopped first.
   *
   * @throws vm_wrong_state, vm_disk_missing, image_exists, and what making an image throws
   */
  commit(ref: string, request: CommitVm, context: Context): Promise<Image>;

  /**
   * Makes an image of another one by steps that a machine of its own carries out.
   *
   * @throws image_step_failed, image_file_missing, image_file_invalid, image_exists, and what making machines and images throws
   */
  buildImage(request: BuildImage, context: Context): Promise<Image>;

  /**
   * Runs a command, waiting up to `request.wait` seconds for the agent of a machine that is starting. Returns when the command
   * has started. The first session of an ephemeral machine that ends takes the machine with it: whoever wants to
   * wait for that calls `remove` and takes vm_not_found for success.
   *
   * @throws vm_wrong_state, guest_unreachable, guest_version, exec_failed
   */
  exec(ref: string, request: ExecRequest, signal: AbortSignal): Promise<GuestProcess>;

  /**
   * Makes a machine ready for an ssh connection, waiting for the agent of one that is starting, and tells how to get there.
   *
   * @throws vm_wrong_state, guest_unreachable, ssh_server_missing
   */
  ssh(ref: string, signal: AbortSignal): Promise<SshTarget>;

  /**
   * Packs files of a machine; resolves when the guest has begun. The iteration throws in the end when something could not be
   * read, and stops the guest when it is left early. What comes is the guest's word: whoever unpacks it checks it.
   *
   * @throws vm_wrong_state, guest_unreachable, guest_version, file_missing, copy_failed
   */
  pack(ref: string, spec: PackSpec, signal: AbortSignal): Promise<AsyncGenerator<Buffer>>;
  /** Unpacks an archive in a machine. What fails or is cancelled is removed again. Throws as `pack`, and what the source throws. */
  unpack(
    ref: string,
    spec: UnpackSpec,
    archive: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyResult>;
  /** Writes one file in a machine, replacing it in one step. Throws as `unpack`. */
  store(
    ref: string,
    spec: StoreSpec,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyResult>;
  /** Copies files and directories of the host into a machine. Throws as `unpack`. */
  copyIn(
    ref: string,
    sources: readonly TreeSource[],
    spec: UnpackSpec,
    signal: AbortSignal,
  ): Promise<CopyResult>;

  /**
   * Connects to what listens in the guest, waiting up to `request.wait` seconds for the agent of a machine that is starting.
   * Returns when the connection stands.
   *
   * @throws vm_wrong_state, guest_unreachable, guest_version, dial_failed
   */
  dial(ref: string, request: DialRequest, signal: AbortSignal): Promise<GuestConnection>;

  /** What the guest listens on, where that is on this host, and what was published. */
  ports(ref: string): Promise<VmPorts>;
  /**
   * Starts a command that runs on whatever becomes of the daemon and the client, and gives its job's id. `exec` with `job`
   * follows it.
   *
   * @throws vm_wrong_state, guest_unreachable, guest_outdated, exec_failed
   */
  detach(ref: string, request: DetachRequest, signal: AbortSignal): Promise<number>;
  /** Detached commands, oldest first. @throws vm_wrong_state, guest_unreachable, guest_outdated */
  jobs(ref: string, signal: AbortSignal): Promise<Job[]>;
  /** Signals a detached command, by the signal's name without SIG; one that has ended is left as it is. @throws job_not_found, as `jobs` */
  killJob(ref: string, id: number, name: string, signal: AbortSignal): Promise<void>;

  /** What the guest wrote on its console, what its agent said, or both; with `follow` until the signal aborts. */
  logs(ref: string, request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer | string>>;

  /**
   * Waits until everything that the request names has come about. The machine must run or be starting, unless its end is all that
   * is waited for.
   *
   * @throws wait_expired, vm_wrong_state
   */
  wait(ref: string, request: WaitVm, context: Context): Promise<Vm>;

  /** Last used first. */
  templates(): Promise<Template[]>;
  /** Makes a template for machines of this kind, or finds it made. @throws template_failed, and what `create` and `start` throw */
  buildTemplate(request: BuildTemplate, context: Context): Promise<Template>;
  /** `ref` is an id or at least three characters of its beginning. @throws template_not_found */
  removeTemplate(ref: string): Promise<{ id: string; freed: number }>;
  /** Ids of the templates that are made of an image or a kernel. */
  templatesUsing(what: TemplateUse): Promise<string[]>;
  /** Removes them. */
  forgetTemplates(what: TemplateUse): Promise<void>;

  /** Names of the machines whose disk is based on an image. */
  usingImage(id: string): string[];
  /** Names of the machines that boot from a kernel. */
  usingKernel(name: string): string[];

  /**
   * Once, before anything else: takes the machines of an earlier daemon over, notes those that are gone, and clears away what a
   * killed daemon left.
   */
  reconcile(): Promise<void>;
  /** Lets go of all machines; those that run go on. */
  close(): Promise<void>;
}
