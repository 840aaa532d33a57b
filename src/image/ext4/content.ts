import type { BangerError } from "../../lib/errors/error.ts";
import type { BlockAllocator } from "./allocator.ts";
import { appendRun, type Extent } from "./extents.ts";
import { blockSize, blocksFor } from "./format.ts";
import type { Output } from "./output.ts";

/** A piece of a file; what no piece covers is a hole. Pieces come in ascending order and do not overlap. */
export interface Piece {
  offset: number;
  data: Buffer;
}

/**
 * Writes a file's content as it streams by. A block of which only a part is data is filled with zeros.
 *
 * @param size bytes of the file
 * @param misplaced makes the error for pieces that overlap or lie outside the file
 * @returns where it is
 */
export async function storeContent(
  pieces: AsyncIterable<Piece>,
  size: number,
  {
    allocator,
    output,
    misplaced,
  }: { allocator: BlockAllocator; output: Output; misplaced: () => BangerError },
): Promise<Extent[]> {
  const file = new FileInProgress(allocator, output);
  let end = 0;
  for await (const { offset, data } of pieces) {
    if (offset < end || offset + data.length > size) throw misplaced();
    end = offset + data.length;
    if (data.length > 0) await file.write(offset, data);
  }
  await file.end();
  // An array that has grown has room for more; as many of these as there are files would add up.
  return file.extents.slice();
}

class FileInProgress {
  readonly extents: Extent[] = [];
  readonly #allocator: BlockAllocator;
  readonly #output: Output;
  /** The next byte of the file to be written, inside a block that is on disk or at a block's boundary. */
  #at = 0;
  /** Where that byte goes. */
  #position = 0;
  /** Bytes that may still be written from there. */
  #room = 0;

  constructor(allocator: BlockAllocator, output: Output) {
    this.#allocator = allocator;
    this.#output = output;
  }

  async write(offset: number, data: Buffer): Promise<void> {
    if (offset !== this.#at) await this.#skipTo(offset);
    for (let from = 0; from < data.length; ) {
      if (this.#room === 0) this.#extend(data.length - from);
      const end = Math.min(from + this.#room, data.length);
      await this.#output.write(this.#position, end - from === data.length ? data : data.subarray(from, end));
      this.#advance(end - from);
      from = end;
    }
  }

  /** Fills up the last block. */
  async end(): Promise<void> {
    if (this.#room > 0) await this.#writeZeros(this.#room);
  }

  async #skipTo(offset: number): Promise<void> {
    if (this.#room > 0) await this.#writeZeros(Math.min(offset - this.#at, this.#room));
    if (offset === this.#at) return;
    this.#at = offset - (offset % blockSize);
    if (offset === this.#at) return;
    this.#extend(1);
    await this.#writeZeros(offset - this.#at);
  }

  async #writeZeros(count: number): Promise<void> {
    await this.#output.writeZeros(this.#position, count);
    this.#advance(count);
  }

  #advance(count: number): void {
    this.#at += count;
    this.#position += count;
    this.#room -= count;
  }

  /** Takes blocks for the next bytes, of which at least one is at hand. `#at` is at a block's boundary. */
  #extend(bytes: number): void {
    const run = this.#allocator.allocate(blocksFor(bytes));
    appendRun(this.extents, this.#at / blockSize, run);
    this.#position = run.start * blockSize;
    this.#room = run.count * blockSize;
  }
}
