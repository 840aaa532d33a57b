import { randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { OperationRegistry } from "../../src/daemon/operations/registry.ts";
import type { Services } from "../../src/daemon/services.ts";
import type { Context } from "../../src/lib/context.ts";
import { fault } from "../../src/lib/errors/error.ts";
import type { SshTarget } from "../../src/model/api/answers.ts";
import type { ExecRequest } from "../../src/model/api/requests.ts";
import type { Catalog } from "../../src/model/catalog.ts";
import type { AvailableImage, Image } from "../../src/model/image.ts";
import type { Job } from "../../src/model/job.ts";
import type { Kernel } from "../../src/model/kernel.ts";
import type { VmStats } from "../../src/model/stats.ts";
import type { Template } from "../../src/model/template.ts";
import type { Vm } from "../../src/model/vm.ts";
import type { GuestConnection, GuestProcess } from "../../src/vm/ports.ts";

/** What a test wants to see of a call: its name and its arguments without signals and reporters. */
export interface SeenCall {
  name: string;
  args: unknown[];
}

export interface FakeServices extends Services {
  seen: SeenCall[];
  /** Replaces what a method does: `on("vms.create", ...)`. */
  on(name: string, work: (...args: never[]) => unknown): void;
  stopped: boolean;
}

/** Services that remember what they were asked and answer with one machine, one image and one kernel. */
export function fakeServices(): FakeServices {
  const seen: SeenCall[] = [];
  const replaced = new Map<string, (...args: never[]) => unknown>();
  const method =
    <T>(name: string, answer: T) =>
    async (...args: unknown[]): Promise<T> => {
      seen.push({ name, args: args.filter((arg) => !isContext(arg)) });
      const work = replaced.get(name);
      return (work ? await work(...(args as never[])) : answer) as T;
    };
  const fake: FakeServices = {
    seen,
    stopped: false,
    on: (name, work) => void replaced.set(name, work),
    operations: new OperationRegistry(),
    vms: {
      list: method("vms.list", [sampleVm]),
      show: method("vms.show", sampleVm),
      create: method("vms.create", sampleVm),
      start: method("vms.start", sampleVm),
      stop: method("vms.stop", sampleVm),
      restart: method("vms.restart", sampleVm),
      kill: method("vms.kill", sampleVm),
      remove: method("vms.remove", sampleVm),
      prune: method("vms.prune", { deleted: ["dev"], freed: 4096 }),
      set: method("vms.set", sampleVm),
      buildImage: method("vms.buildImage", sampleImage),
      commit: method("vms.commit", sampleImage),
      exec: method("vms.exec", undefined as unknown as GuestProcess),
      ports: method("vms.ports", { address: "127.80.1.2", ports: [], published: [], left: 0 }),
      detach: method("vms.detach", 3),
      jobs: method("vms.jobs", [sampleJob]),
      killJob: method("vms.killJob", undefined),
      pack: method("vms.pack", nothingPacked()),
      unpack: method("vms.unpack", { entries: 1, bytes: 2, leftOut: 0 }),
      store: method("vms.store", { entries: 1, bytes: 2, leftOut: 0 }),
      copyIn: method("vms.copyIn", { entries: 1, bytes: 2, leftOut: 0 }),
      dial: method("vms.dial", undefined as unknown as GuestConnection),
      stats: method("vms.stats", sampleStats),
      allStats: method("vms.allStats", [sampleStats]),
      ssh: method("vms.ssh", sampleSshTarget),
      logs: method<AsyncIterable<Buffer | string>>("vms.logs", Readable.from(["console\n"])),
      wait: method("vms.wait", sampleVm),
      templates: method("vms.templates", [sampleTemplate]),
      buildTemplate: method("vms.buildTemplate", sampleTemplate),
      removeTemplate: method("vms.removeTemplate", { id: sampleTemplate.id, freed: 4096 }),
      templatesUsing: method("vms.templatesUsing", []),
      forgetTemplates: method("vms.forgetTemplates", undefined),
      usingImage: () => [],
      usingKernel: (name) => (name === "used" ? ["dev"] : []),
      reconcile: method("vms.reconcile", undefined),
      close: method("vms.close", undefined),
    },
    images: {
      list: method("images.list", [sampleImage]),
      available: method("images.available", [sampleAvailable]),
      show: method("images.show", sampleImage),
      pull: method("images.pull", sampleImage),
      save: async (...args) => (await method("images.save", undefined)(...args)) ?? bundleOf("a bundle"),
      load: method("images.load", sampleImage),
      register: method("images.register", sampleImage),
      promote: method("images.promote", sampleImage),
      verify: method("images.verify", sampleImage),
      rename: method("images.rename", sampleImage),
      prune: method("images.prune", { deleted: [], freed: 0, dryRun: false }),
      sweep: async () => undefined,
      remove: method("images.remove", { id: sampleImage.id, freed: 4096 }),
    },
    catalogs: {
      list: method("catalogs.list", [sampleCatalog]),
      update: method("catalogs.update", [sampleCatalog]),
    },
    kernels: {
      list: method("kernels.list", [sampleKernel]),
      available: method("kernels.available", []),
      show: method("kernels.show", sampleKernel),
      pull: method("kernels.pull", sampleKernel),
      import: method("kernels.import", sampleKernel),
      remove: method("kernels.remove", { name: "generic-6.1", freed: 4096 }),
    },
    pruneCache: method("pruneCache", { directories: [], files: 0, freed: 0, dryRun: false }),
    doctor: async () => ({ checks: [{ id: "a", title: "A", verdict: "pass", detail: "fine" }] }),
    defaults: () => ({ image: "debian-bookworm", vcpu: 1, memory: 2 ** 30, disk: 2 ** 33 }),
    info: async () => ({
      version: "0.1.0",
      build: "source",
      api: "v1",
      pid: process.pid,
      socket: "/s",
      state: "/state",
      log: "/log",
      startedAt: "2026-01-01T00:00:00.000Z",
      vms: { total: 1, running: 1 },
      names: { dns: { endpoint: "127.0.0.1:42069" }, proxy: { endpoint: "127.0.0.1:42080" } },
    }),
    shutdown: () => {
      fake.stopped = true;
    },
  };
  return fake;
}

export const sampleJob: Job = {
  id: 3,
  pid: 412,
  command: "make test",
  state: "running",
  startedAt: "2026-01-02T03:04:05.000Z",
  output: 2048,
};

async function* nothingPacked(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(1024);
}

export const sampleVm: Vm = {
  id: "0123456789ab",
  name: "dev",
  state: "running",
  image: { id: "ba9876543210", name: "debian-bookworm" },
  kernel: "generic-6.1",
  spec: { vcpu: 1, memory: 2 ** 30, disk: 2 ** 33, nat: false },
  driver: "qemu",
  accelerator: "tcg",
  pid: 4242,
  ephemeral: false,
  createdAt: "2026-01-01T00:00:00.000Z",
  startedAt: "2026-01-01T00:00:02.000Z",
  diskUsed: 2 ** 20,
};

export const sampleSshTarget: SshTarget = {
  id: "0123456789ab",
  name: "dev",
  host: "dev.vm",
  config: "/state/ssh/config",
  command: ["/usr/sbin/sshd", "-i"],
};

export const sampleStats: VmStats = {
  id: "0123456789ab",
  name: "dev",
  state: "running",
  at: 1_000_000,
  vcpu: 1,
  host: { cpu: 5000, memory: { private: 200 * 2 ** 20, shared: 30 * 2 ** 20, proportional: 210 * 2 ** 20 } },
  guest: {
    uptime: 60_000,
    cpu: { busy: 4000, total: 60_000, count: 1 },
    memory: { total: 2 ** 30, used: 2 ** 28 },
    load: 0.5,
    root: { total: 2 ** 33, used: 2 ** 30 },
    network: { received: 1000, sent: 500 },
  },
  disk: { allocated: 2 ** 20, size: 2 ** 33 },
  channel: { received: 10_000, sent: 20_000 },
};

const hash = "0".repeat(64);

export const sampleImage: Image = {
  version: 1,
  id: "ba9876543210",
  name: "debian-bookworm",
  arch: "amd64",
  distro: "debian",
  kernel: "generic-6.1",
  init: "/sbin/init",
  rootfs: { file: "rootfs.ext4", size: 2 ** 30, sha256: hash, mtime: 0 },
  source: { kind: "debian", detail: "bookworm" },
  createdAt: "2026-01-01T00:00:00.000Z",
  used: 2 ** 28,
};

export const sampleAvailable: AvailableImage = {
  name: "team-dev",
  description: "what the team uses",
  arch: "amd64",
  distro: "debian",
  kernel: "generic-6.1",
  sources: [{ kind: "bundle", url: "https://example.org/dev.tar.zst", sha256: hash, size: 4096 }],
  catalog: "team",
  state: "available",
};

export const sampleCatalog: Catalog = {
  name: "team",
  url: "https://example.org/catalog.json",
  images: 1,
  created: "2026-01-01T00:00:00.000Z",
  fetched: "2026-01-01T00:01:00.000Z",
  stale: false,
};

export const sampleTemplate: Template = {
  id: "3fa9c1d2e4b5",
  image: { id: "0123456789ab", name: "debian-bookworm" },
  kernel: "generic-6.1",
  accelerator: "tcg",
  spec: { vcpu: 1, memory: 2 ** 30, disk: 2 ** 33, nat: false },
  size: 170 * 2 ** 20,
  createdAt: "2026-01-01T00:00:00.000Z",
  usedAt: "2026-01-01T00:00:00.000Z",
  took: 12_000,
};

export const sampleKernel: Kernel = {
  version: 1,
  name: "generic-6.1",
  arch: "amd64",
  distro: "debian",
  release: "6.1.0-56-cloud-amd64",
  source: "linux-image-6.1.0-56-cloud-amd64 6.1.192-2",
  files: {
    vmlinuz: { size: 1, sha256: hash },
    "modules.cpio": { size: 1, sha256: hash },
    "modules.ext4": { size: 1, sha256: hash },
  },
  createdAt: "2026-01-01T00:00:00.000Z",
  used: 2 ** 26,
};

async function* bundleOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** A guest's command that a test plays by hand. */
export class FakeGuestProcess implements GuestProcess {
  readonly pid = 77;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly outcome = Promise.withResolvers<{ code: number; signal?: number; timedOut?: boolean }>();
  readonly exited = this.outcome.promise;
  readonly seen: string[] = [];
  readonly wasReset = Promise.withResolvers<void>();

  resize(rows: number, columns: number): void {
    this.seen.push(`resize ${rows}x${columns}`);
  }

  kill(signal: number): void {
    this.seen.push(`signal ${signal}`);
  }

  reset(): void {
    this.seen.push("reset");
    this.wasReset.resolve();
  }

  /** Ends both outputs and gives the status. */
  exit(code: number, signal?: number): void {
    this.stdout.end();
    this.stderr.end();
    this.outcome.resolve(signal === undefined ? { code } : { code, signal });
  }
}

/** A process that copies its input to its output, like `cat`. */
export function echoProcess(): FakeGuestProcess {
  const process = new FakeGuestProcess();
  process.stdin.pipe(process.stdout);
  process.stdout.once("end", () => process.exit(0));
  return process;
}

export type ExecCall = (ref: string, request: ExecRequest, signal: AbortSignal) => Promise<GuestProcess>;

/** Work that ends only when it is cancelled, and then undoes something. */
export async function untilCancelled(context: Context, undone: () => void): Promise<never> {
  context.report({ stage: "wait", state: "started", message: "waiting" });
  await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  await new Promise((resolve) => setTimeout(resolve, 5));
  undone();
  throw fault("interrupted", { what: "vm.create" }, context.signal.reason);
}

export function randomBlock(size: number): Buffer {
  return randomBytes(size);
}

function isContext(value: unknown): boolean {
  if (value instanceof AbortSignal || typeof value === "function") return true;
  return typeof value === "object" && value !== null && "report" in value;
}
