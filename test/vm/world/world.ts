import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FillImage, ImageService } from "../../../src/image/service.ts";
import type { Context, Progress } from "../../../src/lib/context.ts";
import { type BangerError, fault, isFault } from "../../../src/lib/errors/error.ts";
import { type Config, configSchema } from "../../../src/model/config.ts";
import type { ImageConfig, ImageManifest } from "../../../src/model/image.ts";
import type { KernelManifest } from "../../../src/model/kernel.ts";
import type { Vm } from "../../../src/model/vm.ts";
import { Database } from "../../../src/store/database.ts";
import { VmRepository } from "../../../src/store/vm-repository.ts";
import type { TimeSource } from "../../../src/vm/host-clock.ts";
import { type Deadlines, usualDeadlines } from "../../../src/vm/parts.ts";
import { VmService } from "../../../src/vm/service.ts";
import { SshAccess } from "../../../src/vm/ssh/access.ts";
import { TemplateStore } from "../../../src/vm/templates/store.ts";
import { VmFiles } from "../../../src/vm/vm-files.ts";
import { FakeSource } from "../../image/images.ts";
import { Crash, gated } from "./crash.ts";
import { DriverDouble, makeImageFiles } from "./driver.ts";
import type { GuestDouble, Manners } from "./guest.ts";

export const mib = 2 ** 20;
export const gib = 2 ** 30;

/** A host: its directories and the machines that run on it. Daemons come and go. */
export class World implements AsyncDisposable {
  readonly directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "bw-"));
  readonly guests: GuestDouble[] = [];
  readonly logged: string[] = [];
  /** Of guests that are started from now on. */
  manners: Manners = {};
  startFailure: BangerError | undefined;
  restoreFailure: BangerError | undefined;
  captureFailure: BangerError | undefined;
  /** Which monitor the host has. */
  monitor = "1";
  config: Partial<Config> = { templates: "off" };
  /** How the images want their programs run. */
  imageConfig: ImageConfig | undefined;
  /** Local images and kernels; anything else is not found. */
  readonly images = new Set(["debian-bookworm", "other"]);
  readonly kernels = new Set(["generic-6.1", "generic-6.12"]);
  imageSize = 1 * gib;
  deadlines: Partial<Deadlines> = {};
  time: TimeSource | undefined;
  /** As configured. */
  authorizedKeys: string[] = [];
  readonly #daemons: Daemon[] = [];
  readonly #over = new AbortController();

  /** Ends whatever killed daemons still wait for when the world goes. */
  get quiet(): Context {
    return quiet(this.#over.signal);
  }

  get paths() {
    return {
      vms: join(this.directory, "vms"),
      templates: join(this.directory, "templates"),
      runtime: join(this.directory, "run"),
    };
  }

  get running(): GuestDouble[] {
    return this.guests.filter((guest) => guest.alive);
  }

  get guest(): GuestDouble {
    const [guest, ...others] = this.running;
    assert.ok(guest && others.length === 0, `${this.running.length} guests run`);
    return guest;
  }

  /** A daemon on this host; `reconcile` is up to the caller. */
  async daemon(): Promise<Daemon> {
    await makeImageFiles(join(this.directory, "files"));
    const daemon = new Daemon(this);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Machine directories, deleted and staged ones included. */
  get machineDirectories(): string[] {
    return list(this.paths.vms);
  }

  get runDirectories(): string[] {
    return list(this.paths.runtime).flatMap((state) => list(join(this.paths.runtime, state)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const daemon of this.#daemons) daemon.kill();
    for (const guest of this.guests) guest.signal("SIGKILL");
    await Promise.all(this.guests.map((guest) => guest.ended));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One daemon's life: everything it does outside itself is a step at which it can be killed. */
export class Daemon {
  readonly crash = new Crash();
  readonly service: VmService;
  /** What machines were committed as. */
  readonly images: ImageService;
  readonly database: Database;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    const { crash } = this;
    this.database = Database.open(join(world.directory, "state.db"));
    const log = (message: string, details?: Record<string, unknown>) =>
      void world.logged.push(`${message} ${JSON.stringify(details ?? {})}`);
    this.images = new ImageService({
      directory: join(world.directory, "images"),
      sources: { debian: new FakeSource() },
      catalog: [],
    });
    this.service = new VmService({
      vms: gated(crash, "vms", new VmRepository(this.database), {
        now: ["*"],
        reads: ["all", "get", "byName", "byIdPrefix", "names", "namesByImage", "namesByKernel"],
      }),
      files: gated(crash, "files", new VmFiles(world.paths), {
        now: ["directory", "runDirectory", "consoleLog", "logs", "checkPaths"],
        reads: [
          ...["directory", "runDirectory", "consoleLog", "logs", "checkPaths"],
          ...["consoleTail", "ids", "runIds", "retired", "hasDisk"],
        ],
      }),
      templates: gated(crash, "templates", new TemplateStore(world.paths.templates), {
        reads: ["list", "find", "check"],
      }),
      ssh: new SshAccess({
        directory: join(world.directory, "ssh"),
        files: new VmFiles(world.paths),
        vms: new VmRepository(this.database),
        proxy: { command: ["banger", "vm", "ssh-proxy"], env: {} },
        authorizedKeys: world.authorizedKeys,
        log,
      }),
      driver: gated(crash, "driver", new DriverDouble(world, crash), {
        reads: ["find", "lastWords", "diskUsed", "snapshotKey"],
      }),
      images: gated(crash, "images", {
        ensure: async (ref: string, context: Context) => {
          if ((await this.images.list()).some(({ id, name }) => id === ref || name === ref)) {
            return await this.images.ensure(ref, context);
          }
          return { manifest: manifest(world, ref), rootfs: join(world.directory, "files/rootfs.ext4") };
        },
        make: (name: string, fill: FillImage, context: Context) =>
          this.images.make(name, (rootfs, scoped) => this.#orDie(fill(rootfs, scoped)), context),
      }),
      kernels: gated(crash, "kernels", {
        ensure: async (name: string) => kernel(world, name),
        bootFiles: async () => ({
          release: "6.1.0-1-cloud-amd64",
          vmlinuz: join(world.directory, "files/vmlinuz"),
          initramfs: join(world.directory, "files/initramfs"),
          modules: join(world.directory, "files/modules.ext4"),
        }),
      }),
      chooseAccelerator: async () => "tcg",
      kernelCommandLine: (accelerator) => `quiet ${accelerator}`,
      network: {
        check: () => undefined,
        assign: () => undefined,
        attach: () => () => undefined,
        ports: () => ({ address: "127.80.1.2", ports: [], published: [], left: 0 }),
      },
      connect: async ({ socket, vm, deadline, signal, onLog }) => {
        await crash.pass("connect");
        const guest = world.guests.findLast((one) => one.runtime.agentSocket === socket);
        if (!guest) throw fault("guest_unreachable", { vm, reason: "no socket" });
        const agent = await guest.connect(vm, signal, deadline, onLog);
        await crash.live();
        return gated(crash, "agent", agent);
      },
      config: { ...configSchema.parse({}), ...world.config },
      host: { cpus: 8, memory: 16 * gib },
      deadlines: { ...usualDeadlines, pause: 5, settle: 1, ...world.deadlines },
      ...(world.time ? { time: world.time } : {}),
      log,
    });
  }

  /** A process that dies lets go of its locks; what it leaves on the disk is tested where images are. */
  async #orDie<T>(work: Promise<T>): Promise<T> {
    const death = this.crash.crashed.promise.then(() => fault("interrupted", { what: "everything" }));
    const outcome = await Promise.race([work, death]);
    if (isFault(outcome)) throw outcome;
    return outcome;
  }

  /** What a daemon does first of all. */
  async begin(): Promise<void> {
    await this.images.removeLeftovers();
    await this.service.reconcile();
  }

  /** As kill -9 does. */
  kill(): void {
    this.crash.die();
    this.database.close();
  }

  /** What must be true of a daemon that nobody asks for anything. */
  async assertRight(): Promise<void> {
    // A start that an earlier daemon began goes on in the background.
    await until(async () => (await this.service.list()).every((vm) => vm.state !== "starting"));
    const vms = await this.service.list();
    const alive = this.#world.running.map((guest) => guest.spec.id).sort();
    const running = vms.filter((vm) => vm.state === "running").map((vm) => vm.id);
    assert.deepEqual(alive, running.sort(), "the list shows what runs, and nothing runs unseen");
    for (const vm of vms) assert.ok(restful.includes(vm.state), `${vm.name} is ${vm.state}`);
    assert.deepEqual(this.#world.runDirectories.sort(), running, "sockets are those of what runs");
    const known = new Set(vms.map((vm) => vm.id));
    assert.deepEqual(
      this.#world.machineDirectories.filter((name) => !known.has(name)),
      [],
      "every directory is that of a machine",
    );
    for (const vm of vms) if (vm.state === "running") await this.assertUsable(vm);
  }

  async assertUsable(vm: Vm): Promise<void> {
    const process = await this.service.exec(vm.id, { args: [], wait: 20 }, this.#world.quiet.signal);
    process.reset();
  }

  /** Deletes all and sees that nothing remains. */
  async assertDeletable(): Promise<void> {
    for (const vm of await this.service.list()) {
      // An ephemeral one may be going by itself at this moment.
      await this.service.remove(vm.id, quiet()).catch((error: unknown) => {
        if (!vm.ephemeral || !isFault(error, "vm_not_found")) throw error;
      });
    }
    await until(() => this.#world.machineDirectories.length === 0);
    assert.deepEqual(await this.service.list(), []);
    assert.deepEqual(this.#world.running, []);
    assert.deepEqual(this.#world.machineDirectories, []);
    assert.deepEqual(this.#world.runDirectories, []);
  }
}

const restful = ["created", "running", "stopped", "error"];

export function quiet(signal: AbortSignal = new AbortController().signal): Context {
  return { signal, report: () => undefined };
}

/** A context that remembers what was reported. */
export function listening(signal: AbortSignal = new AbortController().signal) {
  const heard: Progress[] = [];
  return { signal, report: (progress: Progress) => void heard.push(progress), heard };
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  { signal } = quiet(),
): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    signal.throwIfAborted();
    assert.ok(performance.now() < deadline, `never true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Runs work that must fail and gives its error. */
export async function failure(work: Promise<unknown>): Promise<BangerError> {
  try {
    await work;
  } catch (error) {
    if (isFault(error)) return error;
    throw error;
  }
  return assert.fail("it did not fail");
}

function manifest(world: World, ref: string): ImageManifest {
  const name = [...world.images].find((known) => known === ref || imageId(known) === ref);
  if (!name) throw fault("image_not_found", { name: ref, available: [...world.images] });
  return {
    version: 1,
    id: imageId(name),
    name,
    arch: "amd64",
    distro: "debian",
    kernel: "generic-6.1",
    init: "/sbin/init",
    ...(world.imageConfig ? { config: world.imageConfig } : {}),
    rootfs: { file: "rootfs.ext4", size: world.imageSize, sha256: "0".repeat(64), mtime: 0 },
    source: { kind: "debian", detail: "test" },
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}

export function imageId(name: string): string {
  return Buffer.from(name).toString("hex").padEnd(12, "0").slice(0, 12);
}

function kernel(world: World, name: string): KernelManifest {
  if (!world.kernels.has(name)) throw fault("kernel_not_found", { name, available: [...world.kernels] });
  const file = { size: 1, sha256: "0".repeat(64) };
  return {
    version: 1,
    name,
    arch: "amd64",
    distro: "debian",
    release: "6.1.0-1-cloud-amd64",
    source: "test",
    files: { vmlinuz: file, "modules.cpio": file, "modules.ext4": file },
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
