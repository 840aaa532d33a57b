import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import type { Agent } from "../../src/guest/agent.ts";
import { connectAgent } from "../../src/guest/connect.ts";
import { FieldWriter } from "../../src/guest/fields.ts";
import { encodeFrame, frameTypes } from "../../src/guest/frames.ts";

export interface HostFrame {
  type: number;
  channel: number;
  session: number;
  stream: number;
  payload: Buffer;
}

/** An agent that does exactly what a test says, over the far end of a channel. */
export class AgentDouble {
  readonly duplex: Duplex;
  session = 0;
  /** Everything that came from the host and was not asked for yet. */
  readonly frames: HostFrame[] = [];
  hostBytes = 0;
  #pending: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  /** Called for every frame instead of keeping it. */
  onFrame: ((frame: HostFrame) => void) | undefined;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    duplex.on("error", () => undefined);
    duplex.on("close", () => this.#wake());
    duplex.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  /** The next frame, which must be of this type if one is given. */
  async next(type?: number): Promise<HostFrame> {
    while (this.frames.length === 0) {
      assert(!this.duplex.destroyed, "the host hung up");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const frame = this.frames.shift() as HostFrame;
    if (type !== undefined) assert.equal(frame.type, type);
    return frame;
  }

  send(frame: {
    type: number;
    stream?: number;
    channel?: number;
    payload?: Uint8Array;
    session?: number;
  }): boolean {
    return this.raw(encodeFrame({ session: this.session, ...frame }));
  }

  raw(bytes: Uint8Array): boolean {
    return this.duplex.write(bytes);
  }

  async drained(): Promise<void> {
    const { duplex } = this;
    if (!duplex.writableNeedDrain || duplex.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        duplex.off("drain", done).off("close", done);
        resolve();
      };
      duplex.on("drain", done).on("close", done);
    });
  }

  /** Takes the HELLO, and its session as the current one. */
  async hello(): Promise<HostFrame> {
    const frame = await this.next(frameTypes.hello);
    this.session = frame.session;
    return frame;
  }

  welcome(payload: Uint8Array = welcomePayload()): void {
    this.send({ type: frameTypes.welcome, payload });
  }

  result(stream: number, errno = 0, more: FieldWriter = new FieldWriter(), message?: string): void {
    const payload = Buffer.concat([new FieldWriter().u32(1, errno).text(2, message).finish(), more.finish()]);
    this.send({ type: frameTypes.result, stream, payload });
  }

  data(stream: number, channel: number, payload: Uint8Array | string): boolean {
    return this.send({ type: frameTypes.data, stream, channel, payload: Buffer.from(payload) });
  }

  eof(stream: number, channel: number): void {
    this.send({ type: frameTypes.eof, stream, channel });
  }

  exit(stream: number, code: number): void {
    this.send({ type: frameTypes.exit, stream, payload: new FieldWriter().u32(1, code).finish() });
  }

  window(stream: number, credit: number, channel = 0): void {
    this.send({ type: frameTypes.window, stream, channel, payload: u32(credit) });
  }

  /** Takes an OPEN of exec and answers it. */
  async started(pid = 7): Promise<number> {
    const { stream } = await this.next(frameTypes.open);
    this.result(stream, 0, new FieldWriter().u32(20, pid));
    return stream;
  }

  #receive(chunk: Buffer): void {
    this.hostBytes += chunk.length;
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (;;) {
      while (this.#pending[at] === 0) at += 1;
      if (this.#pending.length - at < 16) break;
      const length = this.#pending.readUInt32LE(at + 12);
      if (this.#pending.length - at < 20 + length) break;
      this.#accept(at, length);
      at += 20 + length;
    }
    this.#pending = this.#pending.subarray(at);
  }

  #accept(at: number, length: number): void {
    const bytes = this.#pending;
    const frame = {
      type: bytes[at + 1] ?? 0,
      channel: bytes[at + 2] ?? 0,
      session: bytes.readUInt32LE(at + 4),
      stream: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + 16, at + 16 + length),
    };
    assert.deepEqual([bytes[at], bytes[at + 3]], [0xb5, 0], "magic and reserved byte of the host's frame");
    assert.equal(bytes.readUInt32LE(at + 16 + length), frame.session, "trailer of the host's frame");
    if (this.onFrame) {
      this.onFrame(frame);
      return;
    }
    this.frames.push(frame);
    this.#wake();
  }
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}

export function welcomePayload(fields: { version?: number; phase?: number } = {}): Buffer {
  return new FieldWriter()
    .u32(1, fields.version ?? 2)
    .u32(2, 1)
    .u32(3, 2)
    .text(4, "double")
    .u32(5, fields.phase ?? 2)
    .u64(6, 1_500_000_000n)
    .text(7, "6.1.0-test")
    .text(8, "b0071d")
    .u64(9, 250_000_000n)
    .finish();
}

export const never: AbortSignal = new AbortController().signal;

export interface Connected extends AsyncDisposable {
  agent: Agent;
  double: AgentDouble;
  /** The host's end of the channel. */
  host: Duplex;
  logs: string[];
}

/** An agent of the host, connected to a double that has said its welcome. */
export async function connected(welcome: { version?: number } = {}): Promise<Connected> {
  const [host, far] = duplexPair();
  const double = new AgentDouble(far);
  const logs: string[] = [];
  const connecting = connectAgent({
    duplex: host,
    vm: "otter",
    deadline: 5000,
    signal: never,
    onLog: (line) => logs.push(line),
  });
  await double.hello();
  double.welcome(welcomePayload(welcome));
  const agent = await connecting;
  return {
    agent,
    double,
    host,
    logs,
    async [Symbol.asyncDispose]() {
      await agent.close();
      far.destroy();
    },
  };
}
