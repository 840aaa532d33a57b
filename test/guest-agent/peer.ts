import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { type Fields, type Frame, fields, frame, op, readFields, takeFrames, type, u32 } from "./codec.ts";

export const initialCredit = 131072;

/** What came of one command. */
export interface Outcome {
  pid: number;
  code: number | undefined;
  signal: number | undefined;
  stdout: Buffer;
  stderr: Buffer;
}

/** A host that speaks to an agent frame by frame. */
export class Peer {
  session = 0;
  readonly #socket: Duplex;
  #rest: Buffer = Buffer.alloc(0);
  #frames: Frame[] = [];
  #waiting: { fits: (frame: Frame) => boolean; found: (frame: Frame) => void }[] = [];
  #nextStream = 1;
  /** Set when the agent sent something that is no frame. */
  broken: unknown;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (error) => {
      this.broken ??= error;
    });
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  send(kind: number, stream: number, payload: Buffer = Buffer.alloc(0), channel = 0): void {
    this.write(frame(this.session, kind, stream, payload, channel));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Handshake under a new session; gives WELCOME's fields. */
  async hello(session = 0x1000 + this.session, minimum = 1, maximum = 2): Promise<Map<number, Buffer>> {
    this.session = session;
    this.#nextStream = 1;
    this.#frames = this.#frames.filter((earlier) => earlier.session === session);
    this.write(Buffer.alloc(33000));
    this.send(type.hello, 0, helloPayload(minimum, maximum));
    const welcome = await this.next((f) => f.type === type.welcome && f.session === session);
    return readFields(welcome.payload);
  }

  /** The first frame that fits, whether it has arrived yet or not. */
  async next(fits: (frame: Frame) => boolean): Promise<Frame> {
    const index = this.#frames.findIndex(fits);
    if (index >= 0) return this.#frames.splice(index, 1)[0] as Frame;
    return await new Promise((found) => this.#waiting.push({ fits, found }));
  }

  of(stream: number, kind: number): Promise<Frame> {
    return this.next((f) => f.stream === stream && f.type === kind && f.session === this.session);
  }

  /** Frames of a stream that have arrived and that nobody asked for. */
  arrived(stream: number): Frame[] {
    return this.#frames.filter((f) => f.stream === stream);
  }

  open(operation: number, entries: Fields): number {
    const stream = this.#nextStream++;
    const payload = fields([[1, operation], ...entries]);
    let at = 0;
    for (; payload.length - at > 32768; at += 32768) {
      this.send(type.more, stream, payload.subarray(at, at + 32768));
    }
    this.send(type.open, stream, payload.subarray(at));
    return stream;
  }

  /** Waits until the agent has handled everything sent so far. */
  async ping(text = "ping"): Promise<void> {
    this.send(type.ping, 0, Buffer.from(text));
    const pong = await this.next((f) => f.type === type.pong && f.session === this.session);
    assert.equal(pong.payload.toString(), text);
  }

  async call(
    operation: number,
    entries: Fields,
  ): Promise<{ errno: number; message: string; fields: Map<number, Buffer> }> {
    return readResult(await this.of(this.open(operation, entries), type.result));
  }

  exec(args: (string | Buffer)[], more: Fields = []): number {
    return this.open(op.exec, [...args.map((arg): Fields[number] => [10, arg]), ...more]);
  }

  /** Runs a command to its end, granting credit for whatever comes. */
  async run(args: (string | Buffer)[], more: Fields = [], input?: Buffer): Promise<Outcome> {
    const stream = this.exec(args, more);
    const feeding = input === undefined ? undefined : this.feed(stream, input);
    const outcome = await this.finish(stream);
    await feeding;
    return outcome;
  }

  async sh(script: string, more: Fields = []): Promise<Outcome> {
    return await this.run(["sh", "-c", script], more);
  }

  async started(stream: number): Promise<number> {
    const { errno, message, fields: found } = readResult(await this.of(stream, type.result));
    assert.equal(errno, 0, message);
    return found.get(20)?.readUInt32LE() ?? 0;
  }

  async finish(stream: number): Promise<Outcome> {
    const pid = await this.started(stream);
    const output: Record<number, Buffer[]> = { 1: [], 2: [] };
    const ended = new Set<number>();
    for (;;) {
      const got = await this.next(
        (f) => f.stream === stream && f.session === this.session && f.type !== type.window,
      );
      if (got.type === type.data) {
        assert.ok(!ended.has(got.channel), "data after EOF");
        output[got.channel]?.push(Buffer.from(got.payload));
        this.send(type.window, stream, u32(got.payload.length), got.channel);
      } else if (got.type === type.eof) {
        ended.add(got.channel);
      } else {
        assert.equal(got.type, type.exit, `frame type ${got.type}: ${got.payload.toString()}`);
        assert.deepEqual([...ended].sort(), [1, 2], "EXIT comes after both EOF");
        const found = readFields(got.payload);
        return {
          pid,
          code: found.get(1)?.readUInt32LE(),
          signal: found.get(2)?.readUInt32LE(),
          stdout: Buffer.concat(output[1] ?? []),
          stderr: Buffer.concat(output[2] ?? []),
        };
      }
    }
  }

  /** Sends standard input within the credit the agent grants, then its end. */
  async feed(stream: number, input: Buffer): Promise<void> {
    let credit = initialCredit;
    let at = 0;
    while (at < input.length) {
      if (credit === 0) credit += (await this.of(stream, type.window)).payload.readUInt32LE();
      const part = input.subarray(at, at + Math.min(32768, credit));
      this.send(type.data, stream, part);
      credit -= part.length;
      at += part.length;
    }
    this.send(type.eof, stream);
  }

  hangUp(): void {
    this.#socket.end();
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    try {
      const { frames, rest } = takeFrames(Buffer.concat([this.#rest, chunk]));
      this.#rest = rest;
      for (const got of frames) this.#deliver(got);
    } catch (error) {
      this.broken = error;
      this.#socket.destroy();
    }
  }

  #deliver(got: Frame): void {
    const index = this.#waiting.findIndex(({ fits }) => fits(got));
    const waiter = index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
    if (waiter === undefined) this.#frames.push(got);
    else waiter.found(got);
  }
}

export function helloPayload(minimum = 1, maximum = 2): Buffer {
  return fields([
    [1, minimum],
    [2, maximum],
    [3, "test"],
  ]);
}

export function readResult(result: Frame): { errno: number; message: string; fields: Map<number, Buffer> } {
  const found = readFields(result.payload);
  return {
    errno: found.get(1)?.readUInt32LE() ?? -1,
    message: found.get(2)?.toString() ?? "",
    fields: found,
  };
}
