import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Vm } from "../../../src/model/vm.ts";

export const root = resolve(import.meta.dirname, "../../..");

export interface Ran {
  status: number | null;
  stdout: Buffer;
  out: string;
  err: string;
}

export interface RunOptions {
  input?: string | Buffer;
  env?: Record<string, string>;
  /** Milliseconds. */
  timeout?: number;
  /** A program and its first arguments that come before banger's, such as setpriv. */
  under?: string[];
}

/** Images and kernels are expensive to make: all tests of a run share one state directory, and only its machines differ. */
const sharedState = join(root, "build", "e2e-state");

/**
 * A user of the machine with a home of their own: runs the real `./banger` against real guests. `dispose` deletes all its machines,
 * ends its daemon and checks that no process is left.
 */
export class TestHost implements AsyncDisposable {
  readonly home: string;
  readonly env: Record<string, string>;
  readonly program: string[];

  /** Templates are off unless a test is about them: making one takes as much of the host as a machine does. */
  constructor(options: { state?: "shared" | "own"; program?: string[]; templates?: "auto" | "off" } = {}) {
    this.home = mkdtempSync(join(tmpdir(), "banger-e2e-"));
    const base = options.state === "own" ? this.home : sharedState;
    mkdirSync(base, { recursive: true });
    this.env = {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: this.home,
      LANG: "C.UTF-8",
      XDG_STATE_HOME: join(base, "state"),
      XDG_CACHE_HOME: join(base, "cache"),
      XDG_CONFIG_HOME: join(this.home, "config"),
      XDG_RUNTIME_DIR: this.home,
      ...proxies(),
    };
    const config = join(this.home, "config", "banger");
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "config.toml"), `templates = "${options.templates ?? "off"}"\n`);
    this.program = options.program ?? [join(root, "banger")];
  }

  get state(): string {
    return join(this.env.XDG_STATE_HOME as string, "banger");
  }

  start(args: readonly (string | Buffer)[], options: RunOptions = {}): ChildProcess {
    const [program = "", ...rest] = [...(options.under ?? []), ...this.program, ...(args as string[])];
    return spawn(program, rest, { env: { ...this.env, ...options.env }, stdio: ["pipe", "pipe", "pipe"] });
  }

  /** Runs a command to its end. */
  async run(args: readonly (string | Buffer)[], options: RunOptions = {}): Promise<Ran> {
    const child = this.start(args, options);
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeout ?? 300_000);
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
    assert.ok(child.stdout && child.stderr);
    const [stdout, stderr, [status]] = await Promise.all([
      buffer(child.stdout),
      buffer(child.stderr),
      once(child, "close") as Promise<[number | null]>,
    ]);
    clearTimeout(timer);
    return { status, stdout, out: String(stdout), err: String(stderr) };
  }

  /** Runs a command that must succeed, and gives its standard output without the last line end. */
  async ok(args: readonly (string | Buffer)[], options: RunOptions = {}): Promise<string> {
    const { status, out, err } = await this.run(args, options);
    assert.equal(status, 0, `banger ${args.join(" ")}\n${out}\n${err}`);
    return out.replace(/\n$/, "");
  }

  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok([...args, "--json"])) as T;
  }

  async vms(): Promise<Vm[]> {
    return await this.json<Vm[]>(["vm", "list"]);
  }

  async vm(name: string): Promise<Vm> {
    return await this.json<Vm>(["vm", "show", name]);
  }

  /** What the shell in the guest prints for a script. */
  async guest(name: string, script: string): Promise<string> {
    return await this.ok(["vm", "exec", name, "--", "sh", "-c", script]);
  }

  /** Waits until systemd has started everything, and says how that went. */
  async systemState(name: string): Promise<string> {
    const wait = "timeout 240 systemctl is-system-running --wait 2>&1 || true";
    for (let attempt = 0; attempt < 60; attempt += 1) {
      const state = await this.guest(name, wait);
      if (!/bus|connect|offline/i.test(state)) return state;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    return "no answer from systemd";
  }

  daemonPid(): number | undefined {
    return processes(this.env.XDG_STATE_HOME as string).find(({ line }) => line.includes("daemon"))?.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = (await this.vms().catch(() => [])).map(({ name }) => name);
    if (names.length > 0) await this.run(["vm", "delete", ...names]);
    await this.run(["daemon", "stop"]);
    const left = await this.#leftovers();
    rmSync(this.home, { recursive: true, force: true });
    assert.deepEqual(left, []);
  }

  /** Processes of this home that are still there; an ending daemon gets a moment. */
  async #leftovers(): Promise<string[]> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if (processes(this.home).length === 0) return [];
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return processes(this.home).map(({ line }) => line);
  }
}

/** Live processes whose command line or environment names a path. */
export function processes(path: string): { pid: number; line: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const line = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
      const environment = read(`/proc/${pid}/environ`);
      const ours = line.includes(path) || environment.includes(path);
      return ours && line !== "" ? [{ pid: Number(pid), line }] : [];
    });
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function proxies(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) => /^(https?|no)_proxy$/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? ""]));
}

export function exists(path: string): boolean {
  return existsSync(path);
}

/** The small image boots quickest and is enough for most tests. */
export const slim = "debian-bookworm-slim";
