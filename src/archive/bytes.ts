/**
 * Takes counted bytes off a stream of chunks. What lies whole inside one chunk is given as a view of it, without a copy
 * and, by `take`, without a promise; whether that is valid for longer than until the next call is up to the source.
 */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #passed = 0;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes consumed so far. */
  get offset(): number {
    return this.#passed + this.#at;
  }

  /** Exactly `count` bytes if the present chunk holds them; else undefined, and nothing is consumed. */
  take(count: number): Buffer | undefined {
    const end = this.#at + count;
    if (end > this.#chunk.length) return undefined;
    const bytes = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** `count` bytes; fewer only where the stream ends. Memory is used for what arrived, not for what was asked for. */
  async read(count: number): Promise<Buffer> {
    const atHand = this.take(count);
    if (atHand) return atHand;
    const pieces: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const piece = await this.some(missing);
      if (!piece) break;
      // The source may use its memory again for the next chunk.
      pieces.push(Buffer.from(piece));
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** At least one byte and at most `limit`, whatever is at hand; undefined at the end. */
  async some(limit: number): Promise<Buffer | undefined> {
    if (this.#at === this.#chunk.length && !(await this.#fill())) return undefined;
    const end = Math.min(this.#at + limit, this.#chunk.length);
    const bytes = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** Passes over bytes. Returns how many could not be, because the stream ended. */
  async skip(count: number): Promise<number> {
    let left = count;
    for (;;) {
      const step = Math.min(left, this.#chunk.length - this.#at);
      this.#at += step;
      left -= step;
      if (left === 0 || !(await this.#fill())) return left;
    }
  }

  /** Tells the source that no more is wanted, unless it has ended by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (!this.#ended) {
      this.#passed += this.#chunk.length;
      this.#chunk = Buffer.alloc(0);
      this.#at = 0;
      const next = await this.#pull();
      if (next === undefined) return false;
      if (next.length === 0) continue;
      this.#chunk = Buffer.from(next.buffer, next.byteOffset, next.byteLength);
      return true;
    }
    return false;
  }

  async #pull(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#source.next();
      if (!next.done) return next.value;
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    this.#ended = true;
    return undefined;
  }
}
