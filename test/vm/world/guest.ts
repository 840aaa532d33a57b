import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { Identified, IdentifyOptions } from "../../../src/guest/copies.ts";
import type { GuestJob } from "../../../src/guest/jobs.ts";
import type { GuestMetrics } from "../../../src/guest/metrics.ts";
import type { BootOptions, GuestFile, MountOptions, ShutdownMode } from "../../../src/guest/operations.ts";
import type { Phase } from "../../../src/guest/welcome.ts";
import { type BangerError, fault } from "../../../src/lib/errors/error.ts";
import { identify, type ProcessIdentity } from "../../../src/lib/process-identity.ts";
import type { Agent, ExecSpec, GuestProcess } from "../../../src/vm/ports.ts";
import type { DiskFile, MachineEnd, MachineRuntime, MachineSpec } from "../../../src/vmm/driver.ts";

/** How a guest misbehaves. */
export interface Manners {
  /** Its agent never says hello. */
  silent?: boolean;
  /** It says hello and then answers nothing. */
  hangs?: boolean;
  /** Milliseconds after which the host gives an operation of one that hangs up; never without it. */
  patience?: number;
  /** Its init takes the order to shut down and does nothing. */
  ignoresShutdown?: boolean;
  /** It refuses to shut down, so many times. */
  refusals?: number;
  /** It refuses to mount. */
  refusesMount?: boolean;
  /** Copies into it fail at their end. */
  refusesCopies?: boolean;
  /** Its process ends as soon as it runs. */
  diesAtOnce?: boolean;
  /** Its agent never says hello after a restore. */
  silentCopies?: boolean;
  /** It does not take another name. */
  keepsItsName?: boolean;
  /** Its agent speaks another version. */
  foreign?: boolean;
  /** Carries out its commands; without it they end when the test says so. */
  runs?: (command: CommandDouble) => void;
}

/** A machine that runs, with a real process for its monitor. It knows nothing of the daemon that started it. */
export class GuestDouble {
  readonly spec: MachineSpec;
  readonly runtime: MachineRuntime;
  readonly manners: Manners;
  readonly ended: Promise<MachineEnd>;
  /** What was written into it. */
  readonly files = new Map<string, GuestFile>();
  readonly mounts: MountOptions[] = [];
  readonly identities: IdentifyOptions[] = [];
  readonly inits: (string | undefined)[] = [];
  readonly commands: CommandDouble[] = [];
  readonly copies: CommandDouble[] = [];
  readonly orders: string[] = [];
  readonly jobs: GuestJob[] = [];
  metrics: GuestMetrics = { uptime: 60_000 };
  /** Milliseconds that its clock is behind. */
  behind = 0;
  /** It was restored, not booted. */
  copied = false;
  /** What it writes to since its disk was frozen. */
  disk: DiskFile | undefined;
  phase: Phase = "initramfs";
  /** How often the agent has said hello. */
  connections = 0;
  readonly #child: ChildProcess;
  readonly #agents = new Set<(error: BangerError) => void>();
  readonly #resetListeners = new Set<() => void>();
  readonly #logListeners = new Set<(line: string) => void>();
  readonly #resumeListeners = new Set<() => void>();
  #reason: MachineEnd | undefined;

  private constructor(spec: MachineSpec, child: ChildProcess, process: ProcessIdentity, manners: Manners) {
    this.spec = spec;
    this.manners = manners;
    this.#child = child;
    this.runtime = {
      driver: "double",
      version: "1",
      accelerator: spec.accelerator,
      process,
      agentSocket: `${spec.runDirectory}/agent.sock`,
      monitorSocket: `${spec.runDirectory}/monitor.sock`,
      consoleLog: spec.consoleLog,
      log: `${spec.logDirectory}/vmm.log`,
    };
    this.ended = once(child, "exit").then(([, signal]) => {
      const killed: MachineEnd = { kind: "killed", reason: `killed by ${String(signal)}`, expected: false };
      this.#reason ??= killed;
      this.#hangUp(this.#reason.reason);
      return this.#reason;
    });
  }

  static async start(spec: MachineSpec, manners: Manners): Promise<GuestDouble> {
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    await once(child, "spawn");
    const process = identify(child.pid ?? 0);
    if (!process) throw new Error("sleep does not run");
    const guest = new GuestDouble(spec, child, process, manners);
    if (manners.diesAtOnce) {
      child.kill("SIGKILL");
      await guest.ended;
    }
    return guest;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get lastWords(): MachineEnd {
    return this.#reason ?? { kind: "vanished", reason: "its process is gone", expected: false };
  }

  /** Ends as the guest or the monitor wants it. */
  end(reason: MachineEnd): void {
    if (!this.alive) return;
    this.#reason ??= reason;
    this.#child.kill("SIGKILL");
  }

  powerOff(): void {
    this.end({ kind: "powered-off", reason: "the guest powered off", expected: true });
  }

  signal(name: NodeJS.Signals): boolean {
    return this.alive && this.#child.kill(name);
  }

  /** Restarts from inside. */
  reboot(): void {
    if (!this.alive) return;
    this.phase = "initramfs";
    this.#hangUp("the guest restarted");
    for (const listener of this.#resetListeners) listener();
  }

  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => this.#resetListeners.delete(listener);
  }

  resume(): void {
    this.orders.push("resume");
    for (const listener of this.#resumeListeners) listener();
  }

  onResume(listener: () => void): () => void {
    this.#resumeListeners.add(listener);
    return () => this.#resumeListeners.delete(listener);
  }

  /** A line of the agent's log, to whoever listens. */
  say(line: string): void {
    for (const listener of this.#logListeners) listener(line);
  }

  /** Breaks the channel, as a guest that misbehaves does. */
  breakChannel(): void {
    this.#hangUp("the channel broke");
  }

  /** A new agent connection; waits for ever when the guest is silent. */
  async connect(
    vm: string,
    signal: AbortSignal,
    deadline: number,
    onLog: (line: string) => void = () => undefined,
  ): Promise<Agent> {
    if (this.manners.foreign) throw fault("guest_version", { agent: "2 to 3", daemon: "1" });
    if (this.manners.silent || (this.manners.silentCopies && this.copied) || !this.alive) {
      await this.#orAbort(new Promise((resolve) => setTimeout(resolve, deadline).unref()), signal);
      throw fault("guest_unreachable", { vm, reason: "no hello" });
    }
    const closed = Promise.withResolvers<BangerError>();
    this.#agents.add(closed.resolve);
    this.connections += 1;
    this.#logListeners.add(onLog);
    void closed.promise.then(() => this.#logListeners.delete(onLog));
    const gone = new AbortController();
    void closed.promise.then((error) => gone.abort(error));
    const agent: Agent = {
      welcome: { phase: this.phase },
      closed: closed.promise,
      traffic: { received: 1000, sent: 100 },
      mount: (options, at) => this.#answer(gone.signal, at, () => this.#mount(options)),
      putFile: (file, at) => this.#answer(gone.signal, at, () => this.#putFile(file)),
      boot: (options, at) => this.#answer(gone.signal, at, () => this.#boot(options)),
      exec: (spec, at) => this.#answer(gone.signal, at, () => this.#exec(spec, gone.signal)),
      detach: (spec, at) => this.#answer(gone.signal, at, () => this.#detach(spec)),
      jobs: (at) => this.#answer(gone.signal, at, () => this.jobs),
      attach: ({ vm, id }) => {
        throw fault("job_not_found", { vm, job: id });
      },
      killJob: ({ id }, number, at) =>
        this.#answer(gone.signal, at, () => void this.orders.push(`kill ${id} ${number}`)),
      pack: (spec, at) => this.#answer(gone.signal, at, () => this.#copy("pack", spec.path)),
      unpack: (spec, at) => this.#answer(gone.signal, at, () => this.#copy("unpack", spec.path)),
      store: (spec, at) => this.#answer(gone.signal, at, () => this.#copy("store", spec.path)),
      dial: () => {
        throw fault("dial_failed", { target: "a port", reason: "nothing listens there" });
      },
      watchListeners: () => ({
        async *[Symbol.asyncIterator]() {
          yield await new Promise<never>(() => undefined);
        },
      }),
      sync: (at) => this.#answer(gone.signal, at, () => void this.orders.push("sync")),
      shutdown: (mode, at) => this.#answer(gone.signal, at, () => this.#shutdown(mode)),
      quiesce: ({ forget }, at) =>
        this.#answer(gone.signal, at, () => void this.orders.push(forget ? "forget" : "quiesce")),
      identify: (options, at) => this.#answer(gone.signal, at, () => this.#identify(options)),
      info: (at) => this.#answer(gone.signal, at, () => ({ ...quietGuest, phase: this.phase })),
      metrics: (at) => this.#answer(gone.signal, at, () => this.metrics),
      compareClock: ({ set }, at) => this.#answer(gone.signal, at, () => this.#compareClock(set)),
      close: async () => closed.resolve(fault("channel_closed", { reason: "closed by the host" })),
    };
    return agent;
  }

  /** Operations fail when the channel is gone, are cancelled by the signal, and hang when the guest does. */
  async #answer<T>(gone: AbortSignal, signal: AbortSignal, work: () => T): Promise<T> {
    if (this.manners.hangs) await this.#hang(AbortSignal.any([gone, signal]));
    await new Promise(setImmediate);
    if (signal.aborted) throw fault("interrupted", { what: "an operation" }, signal.reason);
    if (gone.aborted) throw gone.reason;
    return work();
  }

  async #hang(signal: AbortSignal): Promise<never> {
    const { patience } = this.manners;
    const late = new Promise((resolve) => {
      if (patience !== undefined) setTimeout(resolve, patience).unref();
    });
    await this.#orAbort(late, signal);
    throw fault("timed_out", { what: "an operation", seconds: 0 });
  }

  async #orAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const aborted = new Promise((_, reject) => {
      const onAbort = () => {
        const { reason } = signal;
        reject(
          reason?.code === "channel_closed" ? reason : fault("interrupted", { what: "waiting" }, reason),
        );
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
    await Promise.race([promise, aborted]);
  }

  #hangUp(reason: string): void {
    for (const close of this.#agents) close(fault("channel_closed", { reason }));
    this.#agents.clear();
  }

  #mount(options: MountOptions): void {
    this.#mustBe("initramfs");
    if (this.manners.refusesMount)
      throw fault("guest_refused", { doing: "mount its disks", reason: "no disk" });
    this.mounts.push(options);
    this.phase = "mounted";
  }

  #putFile(file: GuestFile): boolean {
    if (this.phase === "initramfs") this.#mustBe("mounted");
    if (file.onlyIfMissing && this.files.has(file.path)) return false;
    this.files.set(file.path, file);
    return true;
  }

  #boot(options: BootOptions): void {
    this.#mustBe("mounted");
    this.inits.push(options.init);
    this.phase = "booted";
  }

  #detach(spec: ExecSpec): number {
    this.#mustBe("booted");
    const id = this.jobs.length + 1;
    this.jobs.push({ id, pid: 400 + id, command: spec.args.join(" "), started: 0, output: 0 });
    return id;
  }

  #identify(options: IdentifyOptions): Identified {
    this.#mustBe("booted");
    this.identities.push(options);
    for (const file of options.files) this.files.set(file.path, file);
    const machineId = String(this.files.get("/etc/machine-id")?.content ?? "").trim();
    const { hostname, bootId } = options;
    return { hostname: this.manners.keepsItsName ? "localhost" : hostname, machineId, bootId };
  }

  #exec(spec: ExecSpec, gone: AbortSignal): GuestProcess {
    this.#mustBe("booted");
    const command = new CommandDouble(spec);
    if (this.spec.background && spec.args[0] === "systemctl") {
      command.stdout.end("running\n");
      command.exit(0);
    }
    gone.addEventListener("abort", () => command.lose(gone.reason));
    this.commands.push(command);
    this.manners.runs?.(command);
    return command;
  }

  /** What it is given is swallowed; in the end there was one file of as many bytes. */
  #copy(kind: string, path: string | Uint8Array): GuestProcess {
    if (this.phase === "initramfs") this.#mustBe("mounted");
    const command = new CommandDouble({ args: [kind, path] });
    this.copies.push(command);
    let bytes = 0;
    command.stdin.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    command.stdin.once("end", () => {
      const { refusesCopies } = this.manners;
      command.stdout.end(refusesCopies ? "" : `1 ${bytes} 0\n`);
      command.stderr.end(refusesCopies ? "28 srv/x: No space left on device\n" : "");
      command.exit(refusesCopies ? 1 : 0);
    });
    return command;
  }

  #compareClock(set: boolean): number {
    const { behind } = this;
    if (set) {
      this.orders.push("clock");
      this.behind = 0;
    }
    return behind;
  }

  #shutdown(mode: ShutdownMode): void {
    this.orders.push(mode);
    if (mode === "ask" && this.manners.refusals) {
      this.manners.refusals -= 1;
      throw fault("guest_refused", { doing: "shut down", reason: "not now" });
    }
    if (mode === "now" || !this.manners.ignoresShutdown) setImmediate(() => this.powerOff());
  }

  #mustBe(phase: Phase): void {
    if (this.phase !== phase) {
      throw fault("guest_refused", { doing: "do that", reason: `it is ${this.phase}, not ${phase}` });
    }
  }
}

const quietGuest = {
  uptime: 1000,
  memoryTotal: 2 ** 30,
  memoryAvailable: 2 ** 29,
  load: 0,
  hostname: "dev",
  init: "systemd",
};

/** A command in a guest, which ends when the test says so. */
export class CommandDouble implements GuestProcess {
  readonly pid = 1;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly spec: ExecSpec;
  readonly #exit = Promise.withResolvers<{ code: number }>();

  constructor(spec: ExecSpec) {
    this.spec = spec;
    this.#exit.promise.catch(() => undefined);
  }

  get exited(): Promise<{ code: number }> {
    return this.#exit.promise;
  }

  exit(code: number): void {
    this.#exit.resolve({ code });
    this.stdout.end();
    this.stderr.end();
  }

  lose(error: BangerError): void {
    this.#exit.reject(error);
  }

  reset(): void {
    this.lose(fault("interrupted", { what: "the command in the guest" }));
  }

  resize(): void {
    throw new Error("not part of these tests");
  }

  kill(): void {
    throw new Error("not part of these tests");
  }
}
