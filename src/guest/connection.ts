import type { Duplex } from "node:stream";
import { within } from "../lib/deadline.ts";
import { asFault, type BangerError, fault } from "../lib/errors/error.ts";
import { compact } from "./chunk-queue.ts";
import { EventLog } from "./event-log.ts";
import { FrameReader } from "./frame-reader.ts";
import { type Frame, frameTypes } from "./frames.ts";
import type { Handshake } from "./handshake.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Outbox, type Writer } from "./outbox.ts";
import { Streams } from "./streams.ts";
import { violation } from "./violation.ts";

const pingTimeout = 10_000;
/** Milliseconds between two looks for a sign of life, and of silence after which the channel is given up. */
const heartbeatInterval = 10_000;
const heartbeatPatience = 30_000;
/** Bytes of one guest that are looked at before everybody else has a turn. */
const turnLimit = 128 * 1024;
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
  readonly #heartbeat: Heartbeat;
  /** Bytes of the guest since it last had to wait for its turn. */
  #taken = 0;
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
    this.#heartbeat = new Heartbeat({
      interval: heartbeatInterval,
      patience: heartbeatPatience,
      ask: () => this.#ask(),
      onSilence: () => {
        const reason = `nothing came from the guest for ${heartbeatPatience / 1000} s`;
        this.#fail(fault("channel_closed", { reason }));
      },
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
    const ping = this.#ask();
    await within("asking the agent for a sign of life", pingTimeout, ping, signal);
  }

  /** Sends a PING unless one is on its way. */
  #ask(): Promise<void> {
    if (!this.#ping) {
      const payload = Buffer.alloc(8);
      this.#pingCount += 1;
      payload.writeUInt32LE(this.#pingCount >>> 0, 0);
      this.#ping = { payload, sent: false, answered: Promise.withResolvers<void>() };
      // Those who wait may have given up by the time the connection fails.
      this.#ping.answered.promise.catch(() => undefined);
      this.pump();
    }
    return this.#ping.answered.promise;
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
    this.#heartbeat.heard();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(asFault(error));
    }
    this.#taken += chunk.length;
    if (this.#taken >= turnLimit) this.#yield();
  };

  readonly #onEnd = (): void => this.#fail(fault("channel_closed", { reason: "the guest's end was closed" }));

  /** Lets everybody else have a turn: a guest that never stops talking must not keep the daemon busy with it alone. */
  #yield(): void {
    this.#taken = 0;
    this.#duplex.pause();
    setImmediate(() => {
      if (!this.#over) this.#duplex.resume();
    });
  }

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
    this.#heartbeat.stop();
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
