import type { Run } from "./allocator.ts";
import { crc32c } from "./crc32c.ts";
import { blockSize } from "./format.ts";

/** Blocks of a file that follow each other both in the file and on disk. */
export interface Extent {
  logical: number;
  start: number;
  count: number;
}

/** The i_block field of an inode and the blocks that it points to. */
export interface ExtentTree {
  /** 60 bytes. */
  root: Buffer;
  /** Blocks of the tree outside the inode. */
  blocks: { block: number; bytes: Buffer }[];
}

/** Lengths above this mean "unwritten" in the on-disk format. */
const maxExtentBlocks = 32_768;
const magic = 0xf30a;
const headerBytes = 12;
const entryBytes = 12;
const rootBytes = 60;
const entriesInRoot = (rootBytes - headerBytes) / entryBytes;
/** The last four bytes of a block are its checksum. */
const entriesInBlock = (blockSize - headerBytes - 4) / entryBytes;

/** Appends blocks to a file's extents, which are in logical order. */
export function appendRun(extents: Extent[], logical: number, run: Run): void {
  let { start, count } = run;
  let at = logical;
  const last = extents.at(-1);
  if (last && last.logical + last.count === at && last.start + last.count === start) {
    const more = Math.min(count, maxExtentBlocks - last.count);
    last.count += more;
    start += more;
    at += more;
    count -= more;
  }
  if (count > 0) extents.push({ logical: at, start, count });
}

/**
 * The extent tree of a file: in the inode up to four extents, else as shallow as they allow. Disk format: ext4
 * documentation, "Extent Tree".
 *
 * @param seed the inode's checksum seed
 * @param allocate takes one block for the tree
 */
export function buildExtentTree(
  extents: readonly Extent[],
  seed: number,
  allocate: () => number,
): ExtentTree {
  const blocks: ExtentTree["blocks"] = [];
  let entries = extents.map(encodeExtent);
  let firsts = extents.map((extent) => extent.logical);
  let depth = 0;
  while (entries.length > entriesInRoot) {
    const parents: Buffer[] = [];
    const parentFirsts: number[] = [];
    for (let at = 0; at < entries.length; at += entriesInBlock) {
      const block = allocate();
      blocks.push({ block, bytes: encodeBlock(entries.slice(at, at + entriesInBlock), depth, seed) });
      parents.push(encodeIndex(firsts[at] ?? 0, block));
      parentFirsts.push(firsts[at] ?? 0);
    }
    entries = parents;
    firsts = parentFirsts;
    depth += 1;
  }
  return { root: encodeNode(Buffer.alloc(rootBytes), entries, entriesInRoot, depth), blocks };
}

function encodeBlock(entries: Buffer[], depth: number, seed: number): Buffer {
  const bytes = encodeNode(Buffer.alloc(blockSize), entries, entriesInBlock, depth);
  const end = headerBytes + entriesInBlock * entryBytes;
  bytes.writeUInt32LE(crc32c(seed, bytes, 0, end), end);
  return bytes;
}

/** Header: magic u16, entries u16, capacity u16, depth u16, generation u32. */
function encodeNode(into: Buffer, entries: Buffer[], capacity: number, depth: number): Buffer {
  into.writeUInt16LE(magic, 0);
  into.writeUInt16LE(entries.length, 2);
  into.writeUInt16LE(capacity, 4);
  into.writeUInt16LE(depth, 6);
  for (const [index, entry] of entries.entries()) entry.copy(into, headerBytes + index * entryBytes);
  return into;
}

/** First logical block u32, length u16, upper 16 bits of the block u16, lower 32 bits u32. */
function encodeExtent(extent: Extent): Buffer {
  const bytes = Buffer.alloc(entryBytes);
  bytes.writeUInt32LE(extent.logical, 0);
  bytes.writeUInt16LE(extent.count, 4);
  bytes.writeUInt32LE(extent.start, 8);
  return bytes;
}

/** First logical block below u32, lower 32 bits of the node's block u32, upper 16 bits u16, unused u16. */
function encodeIndex(logical: number, block: number): Buffer {
  const bytes = Buffer.alloc(entryBytes);
  bytes.writeUInt32LE(logical, 0);
  bytes.writeUInt32LE(block, 4);
  return bytes;
}
