import type { Duplex } from "node:stream";
import { headerSize, payloadLimit, trailerSize, writeHeader } from "./frames.ts";

/** Something that has frames to write and is called when there is room for them. */
export interface Writer {
  /** Writes what it has while the outbox is `ready`, and waits in line if anything is left. */
  pump(): void;
}

/** Most bytes that wait to be written to the channel. */
export const outboxLimit = 1024 * 1024;
const largestFrame = headerSize + payloadLimit + trailerSize;
/** Payloads up to this size are copied beside their header: cheaper than another buffer in the system call. */
const copiedUpTo = 2048;
const slabSize = 16_384;

/**
 * What waits to be written to an agent. Frames of one turn of the event loop go out in one system call; while that is under
 * way the next batch collects. Who has a frame to write looks at `ready` first, and else waits in line: a guest that does
 * not read makes writers wait, and never makes the daemon grow.
 */
export class Outbox {
  readonly #duplex: Duplex;
  readonly #session: number;
  #batch: Buffer[] = [];
  #batchBytes = 0;
  #total = 0;
  #afterBatch: (() => void)[] = [];
  #underWay = 0;
  #afterUnderWay: (() => void)[] = [];
  #scheduled = false;
  #closed = false;
  /** Headers, trailers and small payloads; `#slabFrom` to `#slabTo` is in no batch yet. */
  #slab: Buffer = Buffer.alloc(0);
  #slabFrom = 0;
  #slabTo = 0;
  readonly #line = new Set<Writer>();

  constructor(duplex: Duplex, session: number) {
    this.#duplex = duplex;
    this.#session = session;
  }

  /** Bytes that were ever added. */
  get total(): number {
    return this.#total;
  }

  /** Bytes that wait to be written, or are being written. */
  get size(): number {
    return this.#batchBytes + this.#underWay;
  }

  /** Whether a frame of any size may be added. */
  get ready(): boolean {
    return this.size <= outboxLimit - largestFrame;
  }

  /** Puts a writer at the end of the line, unless it is waiting already. */
  wait(writer: Writer): void {
    this.#line.add(writer);
  }

  /** Adds a frame. The payload belongs to the outbox until it is written. */
  add(type: number, channel: number, stream: number, payload: Uint8Array): void {
    if (this.#closed) return;
    const length = payload.length;
    const small = length <= copiedUpTo;
    const needed = headerSize + (small ? length : 0) + trailerSize;
    if (this.#slab.length - this.#slabTo < needed) this.#renewSlab();
    writeHeader(this.#slab, this.#slabTo, { type, channel, session: this.#session, stream, length });
    this.#slabTo += headerSize;
    if (small) {
      this.#slab.set(payload, this.#slabTo);
      this.#slabTo += length;
    } else {
      this.#cutSlab();
      this.#batch.push(Buffer.from(payload.buffer, payload.byteOffset, length));
    }
    this.#slab.writeUInt32LE(this.#session, this.#slabTo);
    this.#slabTo += trailerSize;
    this.#batchBytes += headerSize + length + trailerSize;
    this.#total += headerSize + length + trailerSize;
    this.#schedule();
  }

  /** Calls back when everything that was added so far is written; never, when the channel breaks before. */
  afterwards(callback: () => void): void {
    if (this.#batchBytes > 0) this.#afterBatch.push(callback);
    else if (this.#underWay > 0) this.#afterUnderWay.push(callback);
    else process.nextTick(callback);
  }

  /** Forgets everything; later frames are dropped. */
  close(): void {
    this.#closed = true;
    this.#line.clear();
    this.#batch = [];
    this.#batchBytes = 0;
    this.#afterBatch = [];
    this.#afterUnderWay = [];
  }

  #renewSlab(): void {
    this.#cutSlab();
    this.#slab = Buffer.allocUnsafeSlow(slabSize);
    this.#slabFrom = 0;
    this.#slabTo = 0;
  }

  #cutSlab(): void {
    if (this.#slabTo > this.#slabFrom) this.#batch.push(this.#slab.subarray(this.#slabFrom, this.#slabTo));
    this.#slabFrom = this.#slabTo;
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay > 0) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#cutSlab();
    const batch = this.#batch;
    if (batch.length === 0 || this.#closed) return;
    this.#underWay = this.#batchBytes;
    this.#afterUnderWay = this.#afterBatch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#afterBatch = [];
    const last = batch.pop() as Buffer;
    this.#duplex.cork();
    for (const part of batch) this.#duplex.write(part);
    this.#duplex.write(last, (error) => {
      // What went wrong is told by the duplex itself, which is then closed.
      if (!error) this.#written();
    });
    this.#duplex.uncork();
  }

  #written(): void {
    const callbacks = this.#afterUnderWay;
    this.#underWay = 0;
    this.#afterUnderWay = [];
    this.#flush();
    for (const callback of callbacks) callback();
    for (const writer of [...this.#line]) {
      if (!this.ready) break;
      this.#line.delete(writer);
      writer.pump();
    }
  }
}
