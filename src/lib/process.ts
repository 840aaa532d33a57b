import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { errnoOf, fault } from "./errors/error.ts";

export interface RunOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds until the process is ended and `timed_out` is thrown. */
  timeout?: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Bytes for standard input; without it the process reads from /dev/null. */
  input?: string | Uint8Array;
  /** Exit statuses that are not errors. Default: only 0. */
  accept?: readonly number[];
  /** The program leads a process group of its own, and what it started is ended with it. */
  group?: boolean;
  /** Milliseconds from SIGTERM to SIGKILL, for a program that has to clean up. Default: 2000. */
  grace?: number;
  /** Hears standard error as it comes. */
  onStderr?: (chunk: Buffer) => void;
}

export interface RunResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** Called with the process while it runs; its result is that of `stream`. */
export type Conversation<T> = (child: { stdin: Writable; stdout: Readable }) => Promise<T>;

const outputLimit = 16 * 1024 * 1024;
const stderrTail = 64 * 1024;
const killGrace = 2000;
const selfEndGrace = 500;

/**
 * Runs a program to its end, without a shell, and collects what it printed (UTF-8, at most 16 MiB).
 *
 * @throws tool_missing, tool_failed, timed_out, interrupted
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { status, stderr } = await converse(program, args, options, async ({ stdin, stdout }) => {
    // A program that ends before it has read its input breaks the pipe; its status tells the story.
    stdin.on("error", () => undefined);
    stdin.end(options.input ?? "");
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > outputLimit) {
        throw fault("tool_failed", { tool: program, status: "output over 16 MiB", stderr: "" });
      }
      chunks.push(chunk);
    }
  });
  return { status, stderr, stdout: Buffer.concat(chunks).toString("utf8") };
}

/**
 * Runs a program whose input and output are streamed by `conversation`. The program's failure comes before the
 * conversation's own, which is usually its consequence.
 *
 * @throws tool_missing, tool_failed, timed_out, interrupted, and what the conversation throws
 */
export async function stream<T>(
  program: string,
  args: readonly string[],
  options: RunOptions,
  conversation: Conversation<T>,
): Promise<T> {
  return (await converse(program, args, options, conversation)).value;
}

async function converse<T>(
  program: string,
  args: readonly string[],
  options: RunOptions,
  conversation: Conversation<T>,
): Promise<{ status: number; stderr: string; value: T }> {
  throwIfAborted(options.signal, program);
  const child = await start(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: options.group ?? false,
  });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw fault("internal", { detail: `${program} has no pipes` });
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const tail = collectTail(stderr);
  if (options.onStderr) stderr.on("data", options.onStderr);
  const killer = new Killer(child, options);
  try {
    const talked = await settle(conversation({ stdin, stdout }));
    // When the output has ended the program is about to end too, and its own status says more than a signal.
    if (!talked.ok) killer.end(stdout.readableEnded ? selfEndGrace : 0);
    const [code, signal] = await ended;
    if (killer.reason === "timeout") {
      throw fault("timed_out", { what: program, seconds: (options.timeout ?? 0) / 1000 });
    }
    throwIfAborted(options.signal, program);
    const accepted = code !== null && (options.accept ?? [0]).includes(code);
    if (!accepted && !(killer.reason === "conversation")) {
      const status = code === null ? `signal ${signal}` : `status ${code}`;
      throw fault("tool_failed", { tool: program, status, stderr: lastLines(tail()) });
    }
    if (!talked.ok) throw talked.error;
    return { status: code ?? 1, stderr: tail(), value: talked.value };
  } finally {
    killer.release();
  }
}

/** Spawns, and turns "not found" into its own error before anything is written to the process. */
async function start(program: string, args: readonly string[], options: SpawnOptions): Promise<ChildProcess> {
  const child = spawn(program, args, options);
  try {
    await once(child, "spawn");
    return child;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw fault("tool_missing", { tool: program, package: program }, error);
    throw fault("tool_failed", { tool: program, status: errnoOf(error) ?? "spawn", stderr: "" }, error);
  }
}

/** Ends a process, or its whole group, at its deadline, on abort, or on demand: SIGTERM, and SIGKILL after a grace. */
class Killer {
  reason: "timeout" | "abort" | "conversation" | undefined;
  readonly #child: ChildProcess;
  readonly #options: RunOptions;
  readonly #deadline: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(child: ChildProcess, options: RunOptions) {
    this.#child = child;
    this.#options = options;
    child.once("close", () => {
      this.#closed = true;
    });
    if (options.timeout !== undefined) {
      this.#deadline = setTimeout(() => this.#kill("timeout"), options.timeout);
    }
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted) this.#kill("abort");
  }

  end(delay: number): void {
    if (delay === 0) this.#kill("conversation");
    else this.#grace = setTimeout(() => this.#kill("conversation"), delay);
  }

  release(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#grace);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#send("SIGKILL");
  }

  readonly #onAbort = (): void => this.#kill("abort");

  #kill(reason: "timeout" | "abort" | "conversation"): void {
    if (this.reason || this.#isGone()) return;
    this.reason = reason;
    this.#child.stdout?.destroy();
    this.#send("SIGTERM");
    this.#grace = setTimeout(() => this.#send("SIGKILL"), this.#options.grace ?? killGrace);
  }

  /** A group is there as long as one of its members holds the output open; only then its number is surely its own. */
  #isGone(): boolean {
    if (this.#options.group) return this.#closed;
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #send(signal: NodeJS.Signals): void {
    if (this.#isGone() || this.#child.pid === undefined) return;
    if (!this.#options.group) {
      this.#child.kill(signal);
      return;
    }
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      // Whoever still holds the output has left the group; nobody else is to be hit in its place.
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }
}

type Settled<T> = { ok: true; value: T } | { ok: false; error: unknown };

async function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    return { ok: false, error };
  }
}

function collectTail(stderr: Readable): () => string {
  let tail = Buffer.alloc(0);
  stderr.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-stderrTail);
  });
  return () => tail.toString("utf8");
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).join(" / ").slice(-500);
}

function throwIfAborted(signal: AbortSignal | undefined, program: string): void {
  if (signal?.aborted) throw fault("interrupted", { what: program }, signal.reason);
}
