import type { Run } from "./allocator.ts";
import { crc32c } from "./crc32c.ts";
import { blockSize } from "./format.ts";

/** Blocks of a file that follow each other both in the file and on disk. */
export interface Extent {
  logical: number;
  start: number;
  count: number;
}

/** The part of an extent tree that is in the inode. */
export interface ExtentRoot {
  /** Levels below; at 0 the entries are the file's extents, else `start` is the block of a node. */
  depth: number;
  /** At most four. */
  entries: readonly Extent[];
}

export interface ExtentTree {
  root: ExtentRoot;
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
  let entries = extents;
  let depth = 0;
  while (entries.length > entriesInRoot) {
    const parents: Extent[] = [];
    for (let at = 0; at < entries.length; at += entriesInBlock) {
      const below = entries.slice(at, at + entriesInBlock);
      const block = allocate();
      blocks.push({ block, bytes: encodeBlock({ depth, entries: below }, seed) });
      parents.push({ logical: below[0]?.logical ?? 0, start: block, count: 1 });
    }
    entries = parents;
    depth += 1;
  }
  return { root: { depth, entries }, blocks };
}

/** Writes i_block, 60 bytes. */
export function writeExtentRoot(root: ExtentRoot, into: Buffer, at: number): void {
  writeNode(root, entriesInRoot, into, at);
}

function encodeBlock(node: ExtentRoot, seed: number): Buffer {
  const bytes = Buffer.alloc(blockSize);
  writeNode(node, entriesInBlock, bytes, 0);
  const end = headerBytes + entriesInBlock * entryBytes;
  bytes.writeUInt32LE(crc32c(seed, bytes, 0, end), end);
  return bytes;
}

/**
 * Header: magic u16, entries u16, capacity u16, depth u16, generation u32. Entry of a leaf: first logical block u32,
 * length u16, upper 16 bits of the block u16, lower 32 bits u32. Entry above: first logical block u32, lower 32 bits of
 * the node's block u32, upper 16 bits u16, unused u16. No block here has upper bits.
 */
function writeNode({ depth, entries }: ExtentRoot, capacity: number, into: Buffer, at: number): void {
  into.writeUInt16LE(magic, at);
  into.writeUInt16LE(entries.length, at + 2);
  into.writeUInt16LE(capacity, at + 4);
  into.writeUInt16LE(depth, at + 6);
  let place = at + headerBytes;
  for (const { logical, start, count } of entries) {
    into.writeUInt32LE(logical, place);
    if (depth === 0) into.writeUInt16LE(count, place + 4);
    into.writeUInt32LE(start, place + (depth === 0 ? 8 : 4));
    place += entryBytes;
  }
}
