import type { Duplex } from "node:stream";
import type { Progress } from "../lib/context.ts";
import { fault, isFault } from "../lib/errors/error.ts";
import { type Paths, resolvePaths } from "../lib/paths.ts";
import type {
  CachePrune,
  DaemonInfo,
  Defaults,
  DoctorReport,
  ImagePrune,
  PruneResult,
  SshTarget,
} from "../model/api/answers.ts";
import type { BuildImage } from "../model/api/build.ts";
import type {
  BuildTemplate,
  CommitVm,
  CreateVm,
  ImportKernel,
  LoadImage,
  PullImage,
  RegisterImage,
  SetVm,
  WaitVm,
} from "../model/api/requests.ts";
import type { Catalog } from "../model/catalog.ts";
import type { AvailableImage, Image } from "../model/image.ts";
import type { Job } from "../model/job.ts";
import type { AvailableKernel, Kernel } from "../model/kernel.ts";
import type { LogSource } from "../model/log-request.ts";
import type { Operation } from "../model/operation.ts";
import type { VmPorts } from "../model/ports.ts";
import type { VmStats } from "../model/stats.ts";
import type { Template } from "../model/template.ts";
import type { Vm } from "../model/vm.ts";
import type { DialOptions } from "./dial.ts";
import type { ExecOptions, RemoteProcess } from "./exec.ts";
import type { Files } from "./files.ts";
import { untilProblem } from "./http/problem-trailer.ts";
import { finish } from "./operation.ts";
import { type Call, Transport } from "./transport.ts";

export type { CopyResult } from "./files.ts";

export interface BangerOptions {
  /** Its HOME and XDG variables say where the daemon's socket and state are. Default: this process's environment. */
  env?: NodeJS.ProcessEnv;
  /** Start the daemon when none answers. Default: true. */
  autostart?: boolean;
  /** Replace a daemon of another build than this program's. Default: false. */
  sameBuild?: boolean;
}

/** Which part of a machine's logs. */
export interface LogOptions {
  source?: LogSource;
  follow?: boolean;
  /** ISO 8601: nothing older. */
  since?: string | undefined;
  /** Only so many of the last lines. */
  tail?: number | undefined;
  signal?: AbortSignal;
}

/** How a long call reports and stops. */
export interface CallOptions {
  /** Aborting it cancels the work and waits until everything is undone. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * The way to the daemon of this user.
 *
 * ```ts
 * const banger = new Banger();
 * const vm = await banger.vms.create({ name: "dev" });
 * const process = await banger.vms.exec("dev", { args: ["uname", "-a"] });
 * ```
 *
 * Every method rejects with a BangerError whose `code` stands in docs/errors.md.
 */
export class Banger {
  readonly vms: Vms;
  readonly images: Images;
  readonly catalogs: Catalogs;
  readonly kernels: Kernels;
  readonly templates: Templates;
  readonly #transport: Transport;

  constructor(options: BangerOptions = {}) {
    const { env = process.env } = options;
    const paths = resolvePaths(env);
    this.#transport = new Transport({
      socket: paths.socket,
      start: options.autostart === false ? undefined : () => start(paths, env),
      sameBuild: options.sameBuild ?? false,
    });
    const caller = new Caller(this.#transport);
    this.vms = new Vms(caller);
    this.images = new Images(caller);
    this.catalogs = new Catalogs(caller);
    this.kernels = new Kernels(caller);
    this.templates = new Templates(caller);
  }

  info(): Promise<DaemonInfo> {
    return this.#transport.json({ method: "GET", path: "/v1/info" });
  }

  doctor(signal?: AbortSignal): Promise<DoctorReport> {
    return this.#transport.json({ method: "GET", path: "/v1/doctor", signal });
  }

  defaults(): Promise<Defaults> {
    return this.#transport.json({ method: "GET", path: "/v1/defaults" });
  }

  operations(): Promise<Operation[]> {
    return this.#transport.json({ method: "GET", path: "/v1/operations" });
  }

  /** Ends the daemon; its machines go on. False when none was running. */
  async shutdown(): Promise<boolean> {
    try {
      await this.#transport.json({ method: "POST", path: "/v1/shutdown", body: {} });
      return true;
    } catch (error) {
      if (isFault(error, "daemon_unreachable")) return false;
      throw error;
    }
  }
}

/** Machines. A `ref` is a name, an id, or the beginning of an id. */
export class Vms {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(): Promise<Vm[]> {
    return this.#caller.get("/vms");
  }

  show(ref: string): Promise<Vm> {
    return this.#caller.get(`/vms/${encodeURIComponent(ref)}`);
  }

  create(request: CreateVm, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("POST", "/vms", request, options);
  }

  start(ref: string, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("POST", `/vms/${encodeURIComponent(ref)}/start`, {}, options);
  }

  stop(ref: string, body: { timeout?: number } = {}, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("POST", `/vms/${encodeURIComponent(ref)}/stop`, body, options);
  }

  restart(ref: string, body: { timeout?: number } = {}, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("POST", `/vms/${encodeURIComponent(ref)}/restart`, body, options);
  }

  kill(ref: string, body: { signal?: string } = {}, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("POST", `/vms/${encodeURIComponent(ref)}/kill`, body, options);
  }

  delete(ref: string, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("DELETE", `/vms/${encodeURIComponent(ref)}`, undefined, options);
  }

  prune(options?: CallOptions): Promise<PruneResult> {
    return this.#caller.operate("POST", "/vms/prune", {}, options);
  }

  /** Makes an image of a machine's disk. */
  commit(ref: string, request: CommitVm, options?: CallOptions): Promise<Image> {
    return this.#caller.operate("POST", `/vms/${encodeURIComponent(ref)}/commit`, request, options);
  }

  set(ref: string, request: SetVm): Promise<Vm> {
    return this.#caller.call({ method: "PATCH", path: `/vms/${encodeURIComponent(ref)}`, body: request });
  }

  /** What a machine takes at this moment; all machines without a name. */
  stats(ref: string): Promise<VmStats>;
  stats(): Promise<VmStats[]>;
  stats(ref?: string): Promise<VmStats | VmStats[]> {
    return this.#caller.get(ref === undefined ? "/stats" : `/vms/${encodeURIComponent(ref)}/stats`);
  }

  /** Starts a command that runs on whatever becomes of the daemon and this program; gives its id. */
  async detach(ref: string, options: Omit<ExecOptions, "tty">): Promise<number> {
    const { commandOf } = await import("./exec.ts");
    const path = `/vms/${encodeURIComponent(ref)}/jobs`;
    const { id } = await this.#caller.call<{ id: number }>({
      method: "POST",
      path,
      body: commandOf(options),
    });
    return id;
  }

  /** Detached commands, oldest first: those that run and the last that ended. */
  jobs(ref: string): Promise<Job[]> {
    return this.#caller.get(`/vms/${encodeURIComponent(ref)}/jobs`);
  }

  /** Follows a detached command from what is kept of its output; it goes on when its follower leaves. */
  async attach(ref: string, job: number, signal?: AbortSignal): Promise<RemoteProcess> {
    const { attach } = await import("./exec.ts");
    return await attach(this.#caller.transport, ref, job, signal);
  }

  /** Sends a detached command a signal, by its name without SIG. */
  async killJob(ref: string, job: number, signal = "TERM"): Promise<void> {
    const path = `/vms/${encodeURIComponent(ref)}/jobs/${job}/kill`;
    await this.#caller.call({ method: "POST", path, body: { signal } });
  }

  /** Makes a machine ready for an ssh connection, and tells how to get there. */
  ssh(ref: string, signal?: AbortSignal): Promise<SshTarget> {
    return this.#caller.call({
      method: "POST",
      path: `/vms/${encodeURIComponent(ref)}/ssh`,
      body: {},
      signal,
    });
  }

  async exec(ref: string, options: ExecOptions): Promise<RemoteProcess> {
    const { exec } = await import("./exec.ts");
    return await exec(this.#caller.transport, ref, options);
  }

  /** The files of a machine. */
  async files(ref: string): Promise<Files> {
    const { Files } = await import("./files.ts");
    return new Files(this.#caller.transport, ref);
  }

  /** What the guest listens on, where that is on this host, and what was published. */
  ports(ref: string): Promise<VmPorts> {
    return this.#caller.get(`/vms/${encodeURIComponent(ref)}/ports`);
  }

  /** A raw connection to a port or a unix socket in the guest. */
  async dial(ref: string, options: DialOptions): Promise<Duplex> {
    const { dial } = await import("./dial.ts");
    return await dial(this.#caller.transport, ref, options);
  }

  /** Waits until everything that the request names has come about. */
  wait(ref: string, request: WaitVm = {}, options?: CallOptions): Promise<Vm> {
    return this.#caller.operate("POST", `/vms/${encodeURIComponent(ref)}/wait`, request, options);
  }

  /** The guest's console, or another of its logs; with `follow` it goes on until the signal aborts. */
  async *logs(ref: string, options: LogOptions = {}): AsyncGenerator<Buffer> {
    const { signal, ...query } = options;
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== false);
    const text = String(
      new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, String(value)]))),
    );
    const path = `/v1/vms/${encodeURIComponent(ref)}/logs${text === "" ? "" : `?${text}`}`;
    const { body } = await this.#caller.transport.stream({ method: "GET", path, signal });
    yield* body;
  }
}

export class Images {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(): Promise<Image[]> {
    return this.#caller.get("/images");
  }

  /** The images of all catalogs. */
  available(): Promise<AvailableImage[]> {
    return this.#caller.get("/images/available");
  }

  /** With `verify` its whole disk is hashed first; a wrong one is `image_broken`. */
  show(ref: string, options: { verify?: boolean } = {}): Promise<Image> {
    return this.#caller.get(`/images/${encodeURIComponent(ref)}${options.verify ? "?verify=true" : ""}`);
  }

  /** Makes an image of a directory or a raw file of the daemon's host. */
  register(request: RegisterImage, options?: CallOptions): Promise<Image> {
    return this.#caller.operate("POST", "/images/register", request, options);
  }

  /** Copies the file of a registered image into the store. */
  promote(ref: string, options?: CallOptions): Promise<Image> {
    return this.#caller.operate("POST", `/images/${encodeURIComponent(ref)}/promote`, {}, options);
  }

  rename(ref: string, name: string): Promise<Image> {
    const path = `/images/${encodeURIComponent(ref)}/rename`;
    return this.#caller.call({ method: "POST", path, body: { name } });
  }

  /** Deletes images that no machine uses; with `all` also those that cannot be had again. */
  prune(body: { all?: boolean; dryRun?: boolean } = {}): Promise<ImagePrune> {
    return this.#caller.call({ method: "POST", path: "/images/prune", body });
  }

  /** Removes downloads that can be had again. */
  pruneCache(body: { dryRun?: boolean } = {}): Promise<CachePrune> {
    return this.#caller.call({ method: "POST", path: "/images/cache/prune", body });
  }

  /** @param request the catalog's name or the registry's reference of an image, or that with more */
  pull(request: string | PullImage, options?: CallOptions): Promise<Image> {
    const body = typeof request === "string" ? { name: request } : request;
    return this.#caller.operate("POST", "/images/pull", body, options);
  }

  /** An image as a bundle: a zstd-compressed tar of its manifest and its root file system. */
  async *save(ref: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<Buffer> {
    const path = `/v1/images/${encodeURIComponent(ref)}/bundle`;
    const { signal } = options;
    const { body, trailers } = await this.#caller.transport.stream({ method: "GET", path, signal });
    try {
      yield* untilProblem(body, trailers);
    } catch (error) {
      throw signal?.aborted ? fault("interrupted", { what: "saving the image" }, error) : error;
    }
  }

  /** Makes an image of a bundle. */
  async load(
    bundle: AsyncIterable<Uint8Array>,
    request: LoadImage = {},
    options: { signal?: AbortSignal } = {},
  ): Promise<Image> {
    const query = new URLSearchParams(request as Record<string, string>).toString();
    // Starts the daemon or replaces it, which an upload cannot be repeated for.
    await this.#caller.get("/info");
    const call = { method: "POST", path: `/images/load?${query}`, upload: bundle, signal: options.signal };
    return await this.#caller.call<Image>(call);
  }

  /** Makes an image of another one by steps; paths are those of the daemon's host, absolute. */
  build(request: BuildImage, options?: CallOptions): Promise<Image> {
    return this.#caller.operate("POST", "/images/build", request, options);
  }

  /** With `force` also one that machines use: its files stay until the last of them goes. */
  delete(ref: string, options: { force?: boolean } = {}): Promise<{ id: string; freed: number }> {
    const query = options.force ? "?force=true" : "";
    return this.#caller.call({ method: "DELETE", path: `/images/${encodeURIComponent(ref)}${query}` });
  }
}

/** The catalogs of the configuration. */
export class Catalogs {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(): Promise<Catalog[]> {
    return this.#caller.get("/catalogs");
  }

  /** Fetches all of them anew. */
  update(options?: CallOptions): Promise<Catalog[]> {
    return this.#caller.operate("POST", "/catalogs/update", {}, options);
  }
}

export class Kernels {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(): Promise<Kernel[]> {
    return this.#caller.get("/kernels");
  }

  available(): Promise<AvailableKernel[]> {
    return this.#caller.get("/kernels/available");
  }

  show(name: string): Promise<Kernel> {
    return this.#caller.get(`/kernels/${encodeURIComponent(name)}`);
  }

  pull(name: string, body: { force?: boolean } = {}, options?: CallOptions): Promise<Kernel> {
    return this.#caller.operate("POST", "/kernels/pull", { name, ...body }, options);
  }

  /** Makes a kernel of files on this host; paths are absolute. */
  import(request: ImportKernel, options?: CallOptions): Promise<Kernel> {
    return this.#caller.operate("POST", "/kernels/import", request, options);
  }

  /** @param options `force`: also when images name it */
  delete(name: string, options: { force?: boolean } = {}): Promise<{ name: string; freed: number }> {
    const query = options.force ? "?force=true" : "";
    return this.#caller.call({ method: "DELETE", path: `/kernels/${encodeURIComponent(name)}${query}` });
  }
}

/** Booted machines that new ones are copied from. A `ref` is an id or its beginning. */
export class Templates {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(): Promise<Template[]> {
    return this.#caller.get("/templates");
  }

  build(request: BuildTemplate = {}, options?: CallOptions): Promise<Template> {
    return this.#caller.operate("POST", "/templates", request, options);
  }

  delete(ref: string): Promise<{ id: string; freed: number }> {
    return this.#caller.call({ method: "DELETE", path: `/templates/${encodeURIComponent(ref)}` });
  }
}

/** Loaded only when it is needed: what starts processes takes as long to load as a short answer takes. */
async function start(paths: Paths, env: NodeJS.ProcessEnv): Promise<void> {
  const { startDaemon } = await import("./start-daemon.ts");
  await startDaemon(paths, env);
}

class Caller {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  call<T>(call: Call): Promise<T> {
    return this.transport.json<T>({ ...call, path: `/v1${call.path}` });
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>({ method: "GET", path });
  }

  /** Starts an operation and follows it to its end. */
  async operate<T>(method: string, path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    const operation = await this.call<Operation>({ method, path, body });
    return await finish<T>(this.transport, operation, options);
  }
}
