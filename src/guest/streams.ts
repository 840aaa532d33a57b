import { type BangerError, fault } from "../lib/errors/error.ts";
import { type Frame, frameName, frameTypes, openLimit, payloadLimit } from "./frames.ts";
import type { Outbox, Writer } from "./outbox.ts";
import { violation } from "./violation.ts";

/** One end of a stream: a call that waits for its RESULT, or a process. */
export interface StreamHandler {
  /** @throws guest_protocol, which closes the connection */
  receive(frame: Frame): void;
  /** The connection is gone; the stream was forgotten already. */
  fail(error: BangerError): void;
}

const lastId = 0xffff_ffff;
const nothing = Buffer.alloc(0);

/** The streams of one session: gives ids, hands frames to the streams they belong to, and ends streams. */
export class Streams implements Writer {
  /** Version of the protocol that both sides speak. */
  readonly version: number;
  readonly #outbox: Outbox;
  readonly #handlers = new Map<number, StreamHandler>();
  #nextId = 1;
  /** OPEN, with its MORE, and RESET frames that wait for room. RESET has no payload here: an absent errno says "no longer wanted". */
  readonly #backlog: { type: number; id: number; payload: Buffer }[] = [];
  #failure: BangerError | undefined;

  constructor(outbox: Outbox, version: number) {
    this.#outbox = outbox;
    this.version = version;
  }

  get outbox(): Outbox {
    return this.#outbox;
  }

  get size(): number {
    return this.#handlers.size;
  }

  /** Most bytes that the payload of an OPEN may have. */
  get openLimit(): number {
    return this.version >= 2 ? openLimit : payloadLimit;
  }

  /**
   * Opens a stream. The payload of OPEN is at most `openLimit` bytes.
   *
   * @throws channel_closed, guest_protocol: why the connection is gone
   */
  open(payload: Buffer, handler: StreamHandler): number {
    if (this.#failure) throw this.#failure;
    if (this.#nextId > lastId || payload.length > this.openLimit) {
      throw fault("internal", { detail: `stream ${this.#nextId} cannot be opened` });
    }
    const id = this.#nextId;
    this.#nextId += 1;
    this.#handlers.set(id, handler);
    let at = 0;
    for (; payload.length - at > payloadLimit; at += payloadLimit) {
      this.#send({ type: frameTypes.more, id, payload: payload.subarray(at, at + payloadLimit) });
    }
    this.#send({ type: frameTypes.open, id, payload: payload.subarray(at) });
    return id;
  }

  /** Hands the rest of a stream to another handler. */
  replace(id: number, handler: StreamHandler): void {
    this.#handlers.set(id, handler);
  }

  has(id: number, handler: StreamHandler): boolean {
    return this.#handlers.get(id) === handler;
  }

  /** Forgets a stream that its last frame ended. */
  end(id: number): void {
    this.#handlers.delete(id);
  }

  /** Ends a stream from this side: what the guest does for it is killed. */
  reset(id: number): void {
    if (this.#handlers.delete(id)) this.#send({ type: frameTypes.reset, id, payload: nothing });
  }

  /** @throws guest_protocol */
  receive(frame: Frame): void {
    const handler = this.#handlers.get(frame.stream);
    if (handler) handler.receive(frame);
    else if (frame.stream >= this.#nextId) {
      throw violation(`${frameName(frame.type)} for stream ${frame.stream}, which was never opened`);
    }
  }

  /** Every stream fails with this error, and so does every one that is opened later. */
  failAll(error: BangerError): void {
    this.#failure = error;
    const handlers = [...this.#handlers.values()];
    this.#handlers.clear();
    this.#backlog.length = 0;
    for (const handler of handlers) handler.fail(error);
  }

  resetAll(): void {
    for (const id of [...this.#handlers.keys()]) this.#send({ type: frameTypes.reset, id, payload: nothing });
  }

  pump(): void {
    while (this.#outbox.ready) {
      const frame = this.#backlog.shift();
      if (!frame) return;
      this.#outbox.add(frame.type, 0, frame.id, frame.payload);
    }
    if (this.#backlog.length > 0) this.#outbox.wait(this);
  }

  #send(frame: { type: number; id: number; payload: Buffer }): void {
    if (this.#failure) return;
    this.#backlog.push(frame);
    this.pump();
  }
}
