import type { Readable, Writable } from "node:stream";
import { type BangerError, fault } from "../lib/errors/error.ts";
import { type Refusal, readRefusal } from "./call.ts";
import { Fields } from "./fields.ts";
import { channels, type Frame, frameName, frameTypes } from "./frames.ts";
import { GuestInput } from "./guest-input.ts";
import { GuestOutput } from "./guest-output.ts";
import type { Writer } from "./outbox.ts";
import type { StreamHandler, Streams } from "./streams.ts";
import { violation } from "./violation.ts";

/** A connection inside the guest. Each direction ends on its own; when both have, nothing of it is left. */
export interface GuestConnection {
  /** Settles when the guest has answered. What is written before that waits in the guest. */
  readonly connected: Promise<void>;
  /** What the program in the guest sends. It is to be read, resumed or destroyed. */
  readonly readable: Readable;
  /** What it gets; ending it is a half-close. */
  readonly writable: Writable;
  /** Breaks it off, in both directions and on both sides. */
  reset(): void;
}

export interface ConnectionOptions {
  /** As messages name it: "port 8080". */
  readonly target: string;
  readonly refuse: (refusal: Refusal) => BangerError;
}

/** A connection that an agent carries over a stream, from OPEN on. */
export class ConnectionStream implements GuestConnection, StreamHandler, Writer {
  readonly connected: Promise<void>;
  readonly readable: GuestOutput;
  readonly writable: GuestInput;
  readonly #streams: Streams;
  readonly #options: ConnectionOptions;
  readonly #answer = Promise.withResolvers<void>();
  readonly #id: number;
  #state: "connecting" | "connected" | "over" = "connecting";

  /** @throws channel_closed, guest_protocol: why the channel is gone */
  constructor(streams: Streams, payload: Buffer, options: ConnectionOptions) {
    this.#streams = streams;
    this.#options = options;
    const pump = (): void => this.pump();
    this.readable = new GuestOutput("a connection", pump);
    this.writable = new GuestInput(pump);
    this.connected = this.#answer.promise;
    // Who only reads learns it from there.
    this.connected.catch(() => undefined);
    this.#id = streams.open(payload, this);
  }

  reset(): void {
    this.giveUp(fault("interrupted", { what: `the connection to ${this.#options.target} in the guest` }));
  }

  /** Breaks it off for a reason. */
  giveUp(error: BangerError): void {
    if (this.#state === "over") return;
    this.#streams.reset(this.#id);
    this.fail(error);
    this.readable.destroy(error);
  }

  receive(frame: Frame): void {
    if (frame.type === frameTypes.reset) this.#broken(frame);
    else if (frame.type === frameTypes.window) this.writable.addCredit(frame.payload.readUInt32LE(0));
    else if (this.#state === "connecting") this.#answered(frame);
    else this.#carry(frame);
  }

  fail(error: BangerError): void {
    if (this.#state === "over") return;
    this.#conclude();
    this.#answer.reject(error);
    this.writable.destroy(error);
    this.readable.fail(error);
  }

  pump(): void {
    const { outbox } = this.#streams;
    while (this.#state !== "over" && outbox.ready) {
      if (!this.#sendNext()) return;
    }
    if (this.#state !== "over") outbox.wait(this);
  }

  /** @throws guest_protocol */
  #answered(frame: Frame): void {
    if (frame.type !== frameTypes.result) throw violation(`${frameName(frame.type)} before RESULT`);
    const refusal = readRefusal(new Fields(frame.payload, "RESULT"));
    if (refusal) {
      this.fail(this.#options.refuse(refusal));
      return;
    }
    this.#state = "connected";
    this.#answer.resolve();
  }

  /** @throws guest_protocol */
  #carry(frame: Frame): void {
    const name = frameName(frame.type);
    if (frame.channel === channels.stderr)
      throw violation(`${name} on channel ${frame.channel} of a connection`);
    if (frame.type === frameTypes.data) this.readable.receive(frame.payload);
    else if (frame.type === frameTypes.eof) this.readable.finish();
    else if (frame.type === frameTypes.exit) this.#ended();
    else throw violation(`a second ${name} for stream ${frame.stream}`);
  }

  /** Sends the most urgent frame, if there is any. */
  #sendNext(): boolean {
    const { outbox } = this.#streams;
    const grant = this.readable.takeGrant();
    if (grant > 0) {
      const payload = Buffer.allocUnsafe(4);
      payload.writeUInt32LE(grant, 0);
      outbox.add(frameTypes.window, channels.stdout, this.#id, payload);
      return true;
    }
    const piece = this.writable.take();
    if (piece) {
      outbox.add(frameTypes.data, channels.stdin, this.#id, piece);
      if (this.writable.drained) outbox.afterwards(() => this.writable.acknowledge());
      return true;
    }
    if (!this.writable.takeEof()) return false;
    outbox.add(frameTypes.eof, channels.stdin, this.#id, Buffer.alloc(0));
    return true;
  }

  /** Both directions are at their end in the guest, whatever is still on its way to it. */
  #ended(): void {
    this.#conclude();
    const unread = this.writable.writableFinished
      ? undefined
      : fault("channel_closed", { reason: `${this.#options.target} of the guest was closed` });
    this.writable.destroy(unread);
    this.readable.end();
  }

  #broken(frame: Frame): void {
    const { reason } = readRefusal(new Fields(frame.payload, "RESET")) ?? { reason: "it gave up" };
    this.fail(fault("channel_closed", { reason: `${this.#options.target} of the guest: ${reason}` }));
  }

  #conclude(): void {
    this.#state = "over";
    this.#streams.end(this.#id);
  }
}
