import type { Socket } from "node:net";
import { type Duplex, PassThrough, type Readable, Writable } from "node:stream";
import { drained } from "../lib/drained.ts";
import { fault, fromProblem, type Problem } from "../lib/errors/error.ts";
import type { DetachRequest, ExecExit, ExecRequest } from "../model/api/requests.ts";
import { type ExecFrame, ExecFrameDecoder, encodeExecFrame } from "../model/exec-frames.ts";
import type { Transport } from "./transport.ts";

/** What to run in a machine. Byte strings may hold anything but NUL. */
export interface ExecOptions {
  /** The program and its arguments; empty: a login shell. */
  args?: readonly (string | Buffer)[];
  /** `KEY=value` each. */
  env?: readonly (string | Buffer)[];
  /** Puts the entrypoint of the machine's image before `args`, when there are any. */
  entrypoint?: boolean;
  user?: string | undefined;
  cwd?: string | undefined;
  /** Gives the command a terminal of this size; its standard error then comes with its standard output. */
  tty?: { rows: number; columns: number } | undefined;
  /** Milliseconds after which it is ended: SIGTERM for its process group, SIGKILL 2 s later. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A command that runs in a machine. All three streams must be read or they hold it up. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the command runs. Rejects as `exited` does. */
  readonly started: Promise<void>;
  /** Ends after both outputs. Rejects with the error that kept the command from starting, or broke the connection. */
  readonly exited: Promise<ExecExit>;
  resize(rows: number, columns: number): void;
  /** Sends a signal by its name without SIG. */
  kill(signal: string): void;
  /** Ends the connection; the command gets SIGHUP. */
  close(): void;
}

const inputFrameSize = 256 * 1024;

export const execProtocol = "banger-exec/1";

/** Starts a command in a machine over a connection of its own. @throws vm_not_found, vm_wrong_state, … */
export async function exec(transport: Transport, ref: string, options: ExecOptions): Promise<RemoteProcess> {
  const request = { ...commandOf(options), ...(options.tty ? { tty: options.tty } : {}) };
  return await session(transport, ref, request, options.signal);
}

/** Follows a detached command: what is kept of its output, what it says from now on, its end. */
export async function attach(
  transport: Transport,
  ref: string,
  job: number,
  signal: AbortSignal | undefined,
): Promise<RemoteProcess> {
  return await session(transport, ref, { job }, signal);
}

/** The part of a request that says what to run. */
export function commandOf(options: ExecOptions): DetachRequest {
  return {
    args: (options.args ?? []).map(base64),
    env: (options.env ?? []).map(base64),
    ...(options.entrypoint ? { entrypoint: true } : {}),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  };
}

async function session(
  transport: Transport,
  ref: string,
  request: ExecRequest,
  signal: AbortSignal | undefined,
): Promise<RemoteProcess> {
  const path = `/v1/vms/${encodeURIComponent(ref)}/exec`;
  const call = { method: "POST", path, signal };
  const { socket, rest } = await transport.upgrade(call, execProtocol);
  socket.write(encodeExecFrame("start", JSON.stringify(request)));
  return new Session(socket, rest);
}

class Session implements RemoteProcess {
  readonly stdin: Writable;
  readonly stdout = new PassThrough({ highWaterMark: 256 * 1024 });
  readonly stderr = new PassThrough({ highWaterMark: 256 * 1024 });
  readonly started: Promise<void>;
  readonly exited: Promise<ExecExit>;
  readonly #socket: Socket;
  readonly #decoder = new ExecFrameDecoder();
  readonly #start = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<ExecExit>();
  #ended = false;

  constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    this.started = this.#start.promise;
    this.exited = this.#exit.promise;
    // Who only reads the outputs need not wait for either.
    this.started.catch(() => undefined);
    this.exited.catch((error: unknown) => this.#start.reject(error));
    this.stdin = new Writable({
      highWaterMark: 256 * 1024,
      write: (chunk: Buffer, _, done) => this.#send(inputFrames(chunk), done),
      final: (done) => this.#send(encodeExecFrame("eof"), done),
    });
    this.stdin.on("error", () => undefined);
    void this.#read(rest);
  }

  resize(rows: number, columns: number): void {
    this.#send(encodeExecFrame("resize", JSON.stringify({ rows, columns })));
  }

  kill(signal: string): void {
    this.#send(encodeExecFrame("signal", signal));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Bytes for a command that has ended are dropped, as a closed pipe would. */
  #send(frame: Buffer, done: (error?: Error | null) => void = () => undefined): void {
    if (this.#ended || this.#socket.destroyed) done();
    else this.#socket.write(frame, () => done());
  }

  async #read(rest: Buffer): Promise<void> {
    let failure: unknown;
    try {
      await this.#take(rest);
      for await (const piece of this.#socket) await this.#take(piece as Buffer);
    } catch (error) {
      failure = error;
    }
    if (!this.#ended) {
      const reason = "the daemon closed it";
      this.#end(() => this.#exit.reject(fault("channel_closed", { reason }, failure)));
    }
    this.#socket.destroy();
  }

  async #take(piece: Buffer): Promise<void> {
    for (const frame of this.#decoder.push(piece)) await this.#act(frame);
  }

  async #act({ name, payload }: ExecFrame): Promise<void> {
    if (name === "stdout") await deliver(this.stdout, payload);
    else if (name === "stderr") await deliver(this.stderr, payload);
    else if (name === "started") this.#start.resolve();
    else if (name === "exit") this.#end(() => this.#exit.resolve(JSON.parse(String(payload)) as ExecExit));
    else if (name === "error") {
      const problem = JSON.parse(String(payload)) as Problem;
      this.#end(() => this.#exit.reject(fromProblem(problem, 500)));
    }
  }

  #end(settle: () => void): void {
    this.#ended = true;
    this.stdout.end();
    this.stderr.end();
    settle();
  }
}

/** Waits while the reader of a stream is behind, which holds up the connection and in the end the command. */
async function deliver(stream: Duplex, payload: Buffer): Promise<void> {
  if (stream.destroyed || stream.write(payload)) return;
  await drained(stream);
}

/** A frame is at most 1 MiB; who writes need not know. */
function inputFrames(chunk: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += inputFrameSize) {
    frames.push(encodeExecFrame("stdin", chunk.subarray(at, at + inputFrameSize)));
  }
  return frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
}

function base64(text: string | Buffer): string {
  return Buffer.from(text as string).toString("base64");
}
