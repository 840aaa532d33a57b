import { addRun, type BlockAllocator, type Run } from "./allocator.ts";
import { appendRun, type Extent } from "./extents.ts";
import { blockSize, blocksFor } from "./format.ts";
import type { Output } from "./output.ts";

/** A piece of a file; what no piece covers is a hole. Pieces come in ascending order and do not overlap. */
export interface Piece {
  offset: number;
  data: Buffer;
}

export interface StoredContent {
  extents: Extent[];
  runs: Run[];
}

const zeros = Buffer.alloc(blockSize);

/**
 * Writes a file's content as it streams by. A block of which only a part is data is filled with zeros.
 *
 * @param size bytes of the file
 * @param misplaced makes the error for pieces that overlap or lie outside the file
 */
export async function storeContent(
  pieces: AsyncIterable<Piece>,
  size: number,
  { allocator, output, misplaced }: { allocator: BlockAllocator; output: Output; misplaced: () => Error },
): Promise<StoredContent> {
  const file = new FileInProgress(allocator, output);
  let end = 0;
  for await (const { offset, data } of pieces) {
    if (offset < end || offset + data.length > size) throw misplaced();
    end = offset + data.length;
    if (data.length > 0) await file.write(offset, data);
  }
  await file.end();
  return file;
}

class FileInProgress implements StoredContent {
  readonly extents: Extent[] = [];
  readonly runs: Run[] = [];
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
    let rest = data;
    while (rest.length > 0) {
      if (this.#room === 0) this.#extend(rest.length);
      const part = rest.subarray(0, this.#room);
      await this.#put(part);
      rest = rest.subarray(part.length);
    }
  }

  /** Fills up the last block. */
  async end(): Promise<void> {
    await this.#put(zeros.subarray(0, this.#room % blockSize));
  }

  async #skipTo(offset: number): Promise<void> {
    const boundary = this.#at + this.#room;
    await this.#put(zeros.subarray(0, Math.min(offset - this.#at, this.#room)));
    if (offset <= boundary) return;
    this.#at = offset - (offset % blockSize);
    if (offset === this.#at) return;
    this.#extend(1);
    await this.#put(zeros.subarray(0, offset - this.#at));
  }

  async #put(data: Buffer): Promise<void> {
    if (data.length === 0) return;
    await this.#output.write(this.#position, data);
    this.#at += data.length;
    this.#position += data.length;
    this.#room -= data.length;
  }

  /** Takes blocks for the next bytes, of which at least one is at hand. `#at` is at a block's boundary. */
  #extend(bytes: number): void {
    const run = this.#allocator.allocate(blocksFor(bytes));
    appendRun(this.extents, this.#at / blockSize, run);
    addRun(this.runs, run);
    this.#position = run.start * blockSize;
    this.#room = run.count * blockSize;
  }
}
