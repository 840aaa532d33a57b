import type { Readable, Writable } from "node:stream";
import { type BangerError, fault } from "../lib/errors/error.ts";
import { readRefusal } from "./call.ts";
import { Fields, FieldWriter } from "./fields.ts";
import { channels, type Frame, frameName, frameTypes } from "./frames.ts";
import { GuestInput } from "./guest-input.ts";
import { GuestOutput } from "./guest-output.ts";
import type { Writer } from "./outbox.ts";
import type { StreamHandler, Streams } from "./streams.ts";
import { violation } from "./violation.ts";

export interface Exit {
  /** 0 to 255; 128 + n for an end by signal n, as shells say it. */
  readonly code: number;
  readonly signal?: number;
  /** The command took longer than it was given, and was ended for it. */
  readonly timedOut?: boolean;
}

/**
 * A process in the guest. Its outputs are to be read, resumed or destroyed: output that nobody takes holds the process
 * up, and the news of its end with it.
 */
export interface GuestProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty when the process has a terminal. */
  readonly stderr: Readable;
  /** @throws interrupted after `reset`, guest_refused when the agent gave it up, channel_closed, guest_protocol */
  readonly exited: Promise<Exit>;
  /** Of its terminal; numbers beyond 1 to 65535 are cut to that. */
  resize(rows: number, columns: number): void;
  /** Sends a signal, by its Linux number, to the process group. */
  kill(signal: number): void;
  /** Lets go of it: the agent hangs up on it and kills it. */
  reset(): void;
}

const highestSignal = 64;

export class ProcessStream implements GuestProcess, StreamHandler, Writer {
  readonly pid: number;
  readonly stdin: GuestInput;
  readonly stdout: GuestOutput;
  readonly stderr: GuestOutput;
  readonly exited: Promise<Exit>;
  readonly #exit = Promise.withResolvers<Exit>();
  readonly #streams: Streams;
  readonly #id: number;
  #size: Buffer | undefined;
  readonly #signals = new Set<number>();
  #over = false;

  constructor(streams: Streams, id: number, pid: number) {
    this.#streams = streams;
    this.#id = id;
    this.pid = pid;
    const pump = (): void => this.pump();
    this.stdin = new GuestInput(pump);
    this.stdout = new GuestOutput("stdout", pump);
    this.stderr = new GuestOutput("stderr", pump);
    this.exited = this.#exit.promise;
    // Who does not ask how it ended must not end the daemon by that.
    this.exited.catch(() => undefined);
  }

  resize(rows: number, columns: number): void {
    this.#size = new FieldWriter().u32(1, terminalSide(rows)).u32(2, terminalSide(columns)).finish();
    this.pump();
  }

  kill(signal: number): void {
    this.#signals.add(signal);
    this.pump();
  }

  reset(): void {
    if (this.#over) return;
    const error = fault("interrupted", { what: "the command in the guest" });
    this.#streams.reset(this.#id);
    this.fail(error);
    this.stdout.destroy(error);
    this.stderr.destroy(error);
  }

  receive(frame: Frame): void {
    switch (frame.type) {
      case frameTypes.data:
        this.#output(frame).receive(frame.payload);
        break;
      case frameTypes.eof:
        this.#output(frame).finish();
        break;
      case frameTypes.window:
        this.stdin.addCredit(frame.payload.readUInt32LE(0));
        break;
      case frameTypes.exit:
        this.#exited(readExit(frame));
        break;
      case frameTypes.reset:
        this.#givenUp(frame);
        break;
      default:
        throw violation(`a second ${frameName(frame.type)} for stream ${frame.stream}`);
    }
  }

  fail(error: BangerError): void {
    if (this.#over) return;
    this.#conclude();
    this.#exit.reject(error);
    this.stdin.destroy(error);
    this.stdout.fail(error);
    this.stderr.fail(error);
  }

  pump(): void {
    const { outbox } = this.#streams;
    while (!this.#over && outbox.ready) {
      if (!this.#sendNext()) return;
    }
    if (!this.#over) outbox.wait(this);
  }

  /** Sends the most urgent frame, if there is any: what frees the guest comes before what loads it. */
  #sendNext(): boolean {
    const { outbox } = this.#streams;
    if (this.#grant(channels.stdout, this.stdout) || this.#grant(channels.stderr, this.stderr)) return true;
    if (this.#size) {
      outbox.add(frameTypes.resize, 0, this.#id, this.#size);
      this.#size = undefined;
      return true;
    }
    for (const signal of this.#signals) {
      this.#signals.delete(signal);
      outbox.add(frameTypes.signal, 0, this.#id, new FieldWriter().u32(1, signal).finish());
      return true;
    }
    return this.#sendInput();
  }

  #grant(channel: number, output: GuestOutput): boolean {
    const grant = output.takeGrant();
    if (grant === 0) return false;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32LE(grant, 0);
    this.#streams.outbox.add(frameTypes.window, channel, this.#id, payload);
    return true;
  }

  #sendInput(): boolean {
    const { outbox } = this.#streams;
    const piece = this.stdin.take();
    if (piece) {
      outbox.add(frameTypes.data, channels.stdin, this.#id, piece);
      if (this.stdin.drained) outbox.afterwards(() => this.stdin.acknowledge());
      return true;
    }
    if (!this.stdin.takeEof()) return false;
    outbox.add(frameTypes.eof, channels.stdin, this.#id, Buffer.alloc(0));
    return true;
  }

  #output(frame: Frame): GuestOutput {
    return frame.channel === channels.stdout ? this.stdout : this.stderr;
  }

  #exited(exit: Exit): void {
    this.#conclude();
    this.#exit.resolve(exit);
    const unread = this.stdin.writableFinished
      ? undefined
      : fault("channel_closed", { reason: "the command ended" });
    this.stdin.destroy(unread);
    this.stdout.end();
    this.stderr.end();
  }

  #givenUp(frame: Frame): void {
    const { reason } = readRefusal(new Fields(frame.payload, "RESET")) ?? { reason: "it gave up" };
    this.fail(fault("guest_refused", { doing: "go on with the command", reason }));
  }

  #conclude(): void {
    this.#over = true;
    this.#streams.end(this.#id);
  }
}

/** The kernel keeps the sides of a terminal in 16 bits, and 0 says that they are not known. */
function terminalSide(cells: number): number {
  return Math.min(Math.max(Math.trunc(cells) || 1, 1), 0xffff);
}

/** @throws guest_protocol */
function readExit(frame: Frame): Exit {
  const fields = new Fields(frame.payload, "EXIT");
  const signal = fields.u32(2);
  const late = fields.u32(3) === 1 ? { timedOut: true } : {};
  if (signal === undefined) {
    const code = fields.requireU32(1);
    if (code > 255) throw violation(`EXIT with code ${code}`);
    return { code, ...late };
  }
  if (signal < 1 || signal > highestSignal) throw violation(`EXIT by signal ${signal}`);
  return { code: 128 + signal, signal, ...late };
}
