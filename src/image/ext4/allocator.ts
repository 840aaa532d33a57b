import type { BangerError } from "../../lib/errors/error.ts";
import { blockSize, blocksPerGroup } from "./format.ts";
import { blocksOfGroup, type Geometry, overheadOfGroup } from "./geometry.ts";

/** Blocks that follow each other on disk. */
export interface Run {
  start: number;
  count: number;
}

/**
 * Which blocks are taken. A group of which only its own superblock and descriptors are taken has no bitmap, neither
 * here nor on disk: the kernel makes it up (BLOCK_UNINIT).
 */
export class BlockAllocator {
  readonly #geometry: Geometry;
  readonly #full: () => BangerError;
  readonly #bitmaps: (Buffer | undefined)[];
  readonly #free: number[];
  /** Every group before it is full. */
  #first = 0;
  /** A place in a group before which nothing is free, for each group that was allocated from. */
  readonly #cursors: number[];

  /** `full` makes the error for when nothing is left. */
  constructor(geometry: Geometry, full: () => BangerError) {
    this.#geometry = geometry;
    this.#full = full;
    const groups = Array.from({ length: geometry.groups }, (_, group) => group);
    this.#bitmaps = groups.map(() => undefined);
    this.#cursors = groups.map((group) => overheadOfGroup(geometry, group));
    this.#free = groups.map((group) => blocksOfGroup(geometry, group) - overheadOfGroup(geometry, group));
  }

  get freeBlocks(): number {
    return this.#free.reduce((sum, count) => sum + count, 0);
  }

  freeIn(group: number): number {
    return this.#free[group] ?? 0;
  }

  /**
   * The group's bitmap, a bit per block, lowest first. Undefined when the kernel can make it up, unless it is needed
   * `always`.
   */
  bitmap(group: number, always: boolean): Buffer | undefined {
    return always ? this.#bitmapToChange(group) : this.#bitmaps[group];
  }

  /** Takes the lowest free blocks: at least one, at most `want`, in one run. */
  allocate(want: number): Run {
    while (this.#free[this.#first] === 0) this.#first += 1;
    const group = this.#first;
    if (group >= this.#geometry.groups) throw this.#full();
    const bitmap = this.#bitmapToChange(group);
    const size = blocksOfGroup(this.#geometry, group);
    const from = firstClear(bitmap, this.#cursors[group] ?? 0);
    let end = from;
    while (end < size && end - from < want && isClear(bitmap, end)) end += 1;
    this.#take(group, from, end);
    this.#cursors[group] = end;
    return { start: group * blocksPerGroup + from, count: end - from };
  }

  /** Takes `count` blocks in one run inside a group, in the first group from `group` on that has them. */
  allocateTogether(count: number, group: number): Run {
    for (let at = group; at < this.#geometry.groups; at += 1) {
      const from = this.#findClear(at, count);
      if (from === undefined) continue;
      this.#take(at, from, from + count);
      if (from === this.#cursors[at]) this.#cursors[at] = from + count;
      return { start: at * blocksPerGroup + from, count };
    }
    throw this.#full();
  }

  free(run: Run): void {
    for (let at = run.start; at < run.start + run.count; ) {
      const group = Math.floor(at / blocksPerGroup);
      const from = at - group * blocksPerGroup;
      const end = Math.min(blocksPerGroup, from + run.start + run.count - at);
      setBits(this.#bitmapToChange(group), from, end, false);
      this.#free[group] = this.freeIn(group) + end - from;
      this.#cursors[group] = Math.min(this.#cursors[group] ?? 0, from);
      this.#first = Math.min(this.#first, group);
      at += end - from;
    }
  }

  #take(group: number, from: number, end: number): void {
    setBits(this.#bitmapToChange(group), from, end, true);
    this.#free[group] = this.freeIn(group) - (end - from);
  }

  #findClear(group: number, count: number): number | undefined {
    const size = blocksOfGroup(this.#geometry, group);
    const bitmap = this.#bitmaps[group];
    let from = this.#cursors[group] ?? 0;
    for (let at = from; at - from < count; at += 1) {
      if (at >= size) return undefined;
      if (bitmap && !isClear(bitmap, at)) from = at + 1;
    }
    return from;
  }

  #bitmapToChange(group: number): Buffer {
    const known = this.#bitmaps[group];
    if (known) return known;
    const bitmap = Buffer.alloc(blockSize);
    setBits(bitmap, 0, overheadOfGroup(this.#geometry, group), true);
    // Blocks past the end of the file system count as taken.
    setBits(bitmap, blocksOfGroup(this.#geometry, group), blocksPerGroup, true);
    this.#bitmaps[group] = bitmap;
    return bitmap;
  }
}

/** Sets or clears the bits from `from` up to, not including, `end`. */
export function setBits(bitmap: Buffer, from: number, end: number, value: boolean): void {
  let at = from;
  for (; at < end && at % 8 !== 0; at += 1) setBit(bitmap, at, value);
  const whole = Math.max(at, end - (end % 8));
  if (whole > at) bitmap.fill(value ? 0xff : 0, at / 8, whole / 8);
  for (at = whole; at < end; at += 1) setBit(bitmap, at, value);
}

function setBit(bitmap: Buffer, at: number, value: boolean): void {
  const mask = 1 << (at % 8);
  const byte = bitmap[at >>> 3] ?? 0;
  bitmap[at >>> 3] = value ? byte | mask : byte & ~mask;
}

function isClear(bitmap: Buffer, at: number): boolean {
  return ((bitmap[at >>> 3] ?? 0) & (1 << (at % 8))) === 0;
}

function firstClear(bitmap: Buffer, from: number): number {
  let at = from;
  while (!isClear(bitmap, at)) at += at % 8 === 0 && bitmap[at >>> 3] === 0xff ? 8 : 1;
  return at;
}
