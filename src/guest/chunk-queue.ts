/** Payloads from this size on are kept as they are: they hold at most four times their size of received memory. */
const bigFrom = 16_384;
const slabSize = 4096;

/**
 * Received bytes that wait for their consumer. Small payloads are packed together, so that a guest that sends single
 * bytes between other frames cannot make each of them hold the whole piece of memory it arrived in.
 */
export class ChunkQueue {
  readonly #chunks: Buffer[] = [];
  #slab: Buffer = Buffer.alloc(0);
  #slabUsed = 0;
  #size = 0;

  /** Bytes waiting. */
  get size(): number {
    return this.#size;
  }

  push(payload: Buffer): void {
    this.#size += payload.length;
    if (payload.length >= bigFrom) {
      this.#seal();
      this.#chunks.push(payload);
      return;
    }
    if (this.#slab.length - this.#slabUsed < payload.length) {
      this.#seal();
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabSize, payload.length));
    }
    payload.copy(this.#slab, this.#slabUsed);
    this.#slabUsed += payload.length;
  }

  shift(): Buffer | undefined {
    if (this.#chunks.length === 0) this.#seal();
    const chunk = this.#chunks.shift();
    this.#size -= chunk?.length ?? 0;
    return chunk;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#slab = Buffer.alloc(0);
    this.#slabUsed = 0;
    this.#size = 0;
  }

  #seal(): void {
    if (this.#slabUsed > 0) this.#chunks.push(this.#slab.subarray(0, this.#slabUsed));
    this.#slab = Buffer.alloc(0);
    this.#slabUsed = 0;
  }
}

/** A payload that may be handed on: a copy, if it is a small part of the memory it arrived in. */
export function compact(payload: Buffer): Buffer {
  return payload.length >= bigFrom ? payload : Buffer.from(payload);
}
