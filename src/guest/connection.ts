import type { Duplex } from "node:stream";
import { within } from "../lib/deadline.ts";
import { asFault, type BangerError, fault } from "../lib/errors/error.ts";
import { compact } from "./chunk-queue.ts";
import { EventLog } from "./event-log.ts";
import { FrameReader } from "./frame-reader.ts";
import { type Frame, frameTypes } from "./frames.ts";
import type { Handshake } from "./handshake.ts";
import { Outbox, type Writer } from "./outbox.ts";
import { Streams } from "./streams.ts";
import { violation } from "./violation.ts";

const pingTimeout = 10_000;
/** Milliseconds for the last frames to be written when this side closes. */
const farewell = 250;

/** Bytes, as the guest sees it: `received` came from the host. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** A channel after its handshake: owns the duplex, and hands every frame to whom it concerns. */
export class Connection implements Writer {
  /** Why the connection ended. Never rejects. */
  readonly closed: Promise<BangerError>;
  readonly streams: Streams;
  readonly #closed = Promise.withResolvers<BangerError>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #duplex: Duplex;
  readonly #session: number;
  readonly #outbox: Outbox;
  readonly #reader: FrameReader;
  readonly #events: EventLog;
  /** Answers to HELLOs that were repeated while the first was on its way. */
  #spareWelcomes: number;
  #pingCount = 0;
  #ping: { payload: Buffer; sent: boolean; answered: PromiseWithResolvers<void> } | undefined;
  #pong: Buffer | undefined;
  #over = false;
  #fromGuest = 0;

  constructor(duplex: Duplex, { session, hellos, welcome }: Handshake, onLog: (line: string) => void) {
    this.closed = this.#closed.promise;
    this.#duplex = duplex;
    this.#session = session;
    this.#spareWelcomes = hellos - 1;
    this.#events = new EventLog(onLog);
    this.#outbox = new Outbox(duplex, session);
    this.streams = new Streams(this.#outbox, welcome.version);
    this.#reader = new FrameReader((frame) => this.#receive(frame));
    duplex.on("error", (error) => this.#fail(fault("channel_closed", { reason: error.message }, error)));
    duplex.on("end", this.#onEnd);
    duplex.on("close", () => {
      this.#onEnd();
      this.#gone.resolve();
    });
    duplex.on("data", this.#onData);
    duplex.resume();
    if (duplex.destroyed || duplex.readableEnded) this.#onEnd();
  }

  get traffic(): Traffic {
    return { received: this.#outbox.total, sent: this.#fromGuest };
  }

  /** A round trip to the agent. @throws timed_out, interrupted, channel_closed, guest_protocol */
  async ping(signal: AbortSignal): Promise<void> {
    if (this.#over) throw await this.closed;
    if (!this.#ping) {
      const payload = Buffer.alloc(8);
      this.#pingCount += 1;
      payload.writeUInt32LE(this.#pingCount >>> 0, 0);
      this.#ping = { payload, sent: false, answered: Promise.withResolvers<void>() };
      // Those who wait may have given up by the time the connection fails.
      this.#ping.answered.promise.catch(() => undefined);
      this.pump();
    }
    await within("asking the agent for a sign of life", pingTimeout, this.#ping.answered.promise, signal);
  }

  /** Ends every stream, on both sides as far as the guest still listens, and the connection. */
  async close(): Promise<void> {
    if (!this.#over) {
      this.#over = true;
      this.streams.resetAll();
      const error = fault("channel_closed", { reason: "the daemon closed it" });
      this.#end(error);
      await this.#flushed();
      this.#hangUp();
    }
    await this.#gone.promise;
  }

  pump(): void {
    if (this.#pong && this.#outbox.ready) {
      this.#outbox.add(frameTypes.pong, 0, 0, this.#pong);
      this.#pong = undefined;
    }
    if (this.#ping?.sent === false && this.#outbox.ready) {
      this.#outbox.add(frameTypes.ping, 0, 0, this.#ping.payload);
      this.#ping.sent = true;
    }
    if (this.#pong || this.#ping?.sent === false) this.#outbox.wait(this);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#fromGuest += chunk.length;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(asFault(error));
    }
  };

  readonly #onEnd = (): void => this.#fail(fault("channel_closed", { reason: "the guest's end was closed" }));

  /** @throws guest_protocol */
  #receive(frame: Frame): void {
    if (frame.session !== this.#session) return;
    switch (frame.type) {
      case frameTypes.welcome:
        this.#welcomeAgain();
        break;
      case frameTypes.ping:
        // Of a flood only the last one is answered: the others asked the same.
        this.#pong = compact(frame.payload);
        this.pump();
        break;
      case frameTypes.pong:
        this.#ponged(frame.payload);
        break;
      case frameTypes.event:
        this.#events.receive(frame.payload);
        break;
      default:
        this.streams.receive(frame);
    }
  }

  #welcomeAgain(): void {
    if (this.#spareWelcomes === 0) throw violation("WELCOME without a HELLO");
    this.#spareWelcomes -= 1;
  }

  #ponged(payload: Buffer): void {
    const ping = this.#ping;
    if (!ping?.sent || !ping.payload.equals(payload)) throw violation("PONG without its PING");
    this.#ping = undefined;
    ping.answered.resolve();
  }

  #fail(error: BangerError): void {
    if (this.#over) return;
    this.#over = true;
    this.#end(error);
    this.#hangUp();
  }

  #end(error: BangerError): void {
    this.#reader.stop();
    this.#ping?.answered.reject(error);
    this.streams.failAll(error);
    this.#closed.resolve(error);
  }

  #hangUp(): void {
    this.#outbox.close();
    this.#duplex.destroy();
  }

  async #flushed(): Promise<void> {
    if (this.#outbox.size === 0 || this.#duplex.destroyed) return;
    const written = Promise.withResolvers<void>();
    this.#outbox.afterwards(written.resolve);
    const timer = setTimeout(written.resolve, farewell);
    await Promise.race([written.promise, this.#gone.promise]);
    clearTimeout(timer);
  }
}
