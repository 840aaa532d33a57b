import { crc32c } from "./crc32c.ts";
import {
  type DirectoryContext,
  type DirectoryEntry,
  dotEntries,
  encodeLeaf,
  entrySize,
  leafBytes,
  writeEntry,
} from "./directory-entry.ts";
import { blockSize } from "./format.ts";
import { halfMd4Version, NameHasher } from "./hash.ts";

interface Leaf {
  /** Hash of the first entry, its lowest bit set when the leaf before ends with the same hash. */
  hash: number;
  entries: DirectoryEntry[];
}

interface Pointer {
  hash: number;
  block: number;
}

const pointerBytes = 8;
/** Checksum and a reserved word after the pointers. */
const tailBytes = 8;
/** In the root the pointers follow the entries "." and ".." and eight bytes about the tree. */
const rootHeaderBytes = 32;
/** In a node they follow an empty directory entry that spans the block. */
const nodeHeaderBytes = 8;
const rootPointers = (blockSize - rootHeaderBytes - tailBytes) / pointerBytes;
const nodePointers = (blockSize - nodeHeaderBytes - tailBytes) / pointerBytes;
/** A leaf is left with room for a few more names, so that the first ones added do not split it. */
const leafFill = Math.floor(leafBytes * 0.875);
/** The same for a node. */
const nodeFill = Math.floor(nodePointers * 0.875);

/**
 * The blocks of a directory indexed by the hashes of its names: root, nodes if there are any, leaves. Undefined when
 * the two levels that ext4 has without `largedir` are not enough. Disk format: ext4 documentation, "Hash Tree
 * Directories".
 */
export function buildIndexedDirectory(
  entries: readonly DirectoryEntry[],
  context: DirectoryContext,
): Buffer[] | undefined {
  const leaves = packLeaves(entries, context.hashSeed);
  const nodes = leaves.length > rootPointers ? Math.ceil(leaves.length / nodeFill) : 0;
  if (nodes > rootPointers) return undefined;
  const pointers = leaves.map(({ hash }, index) => ({ hash, block: 1 + nodes + index }));
  const blocks: Buffer[] = [];
  if (nodes === 0) blocks.push(encodeRoot(pointers, 0, context));
  else {
    const groups = Array.from({ length: nodes }, (_, at) =>
      pointers.slice(at * nodeFill, (at + 1) * nodeFill),
    );
    const tops = groups.map((group, index) => ({ hash: group[0]?.hash ?? 0, block: 1 + index }));
    blocks.push(encodeRoot(tops, 1, context));
    for (const group of groups) blocks.push(encodeIndexNode(group, context.seed));
  }
  for (const leaf of leaves) blocks.push(encodeLeaf(leaf.entries, context.seed));
  return blocks;
}

function packLeaves(entries: readonly DirectoryEntry[], hashSeed: Uint32Array): Leaf[] {
  const hasher = new NameHasher(hashSeed);
  const hashed = entries.map((entry) => ({ entry, hash: hasher.hash(entry.name) }));
  hashed.sort((a, b) => a.hash - b.hash || (a.entry.name < b.entry.name ? -1 : 1));
  const leaves: Leaf[] = [];
  let leaf: Leaf | undefined;
  let used = 0;
  let previous = -1;
  for (const { entry, hash } of hashed) {
    const size = entrySize(entry.name);
    if (!leaf || used + size > leafFill) {
      leaf = { hash: hash === previous ? hash + 1 : hash, entries: [] };
      leaves.push(leaf);
      used = 0;
    }
    leaf.entries.push(entry);
    used += size;
    previous = hash;
  }
  return leaves;
}

/** After ".." come: reserved u32, hash version u8, length of this information u8, levels u8, flags u8. */
function encodeRoot(pointers: readonly Pointer[], levels: number, context: DirectoryContext): Buffer {
  const bytes = Buffer.alloc(blockSize);
  const [self, parent] = dotEntries(context);
  const dotLength = entrySize(self.name);
  writeEntry(bytes, 0, self, dotLength);
  writeEntry(bytes, dotLength, parent, blockSize - dotLength);
  bytes.writeUInt8(halfMd4Version, 28);
  bytes.writeUInt8(8, 29);
  bytes.writeUInt8(levels, 30);
  return withPointers(bytes, rootHeaderBytes, rootPointers, pointers, context.seed);
}

function encodeIndexNode(pointers: readonly Pointer[], seed: number): Buffer {
  const bytes = Buffer.alloc(blockSize);
  bytes.writeUInt16LE(blockSize, 4);
  return withPointers(bytes, nodeHeaderBytes, nodePointers, pointers, seed);
}

/**
 * Pointers of hash u32 and block u32. Everything below the second one's hash is under the first, whose place for a
 * hash has the capacity u16 and the count u16 instead.
 */
function withPointers(
  bytes: Buffer,
  offset: number,
  capacity: number,
  pointers: readonly Pointer[],
  seed: number,
): Buffer {
  for (const [index, { hash, block }] of pointers.entries()) {
    bytes.writeUInt32LE(hash, offset + index * pointerBytes);
    bytes.writeUInt32LE(block, offset + index * pointerBytes + 4);
  }
  bytes.writeUInt16LE(capacity, offset);
  bytes.writeUInt16LE(pointers.length, offset + 2);
  // The checksum covers the pointers in use and, as zeros, the tail.
  const covered = crc32c(seed, bytes, 0, offset + pointers.length * pointerBytes);
  const tail = offset + capacity * pointerBytes;
  bytes.writeUInt32LE(crc32c(covered, Buffer.alloc(tailBytes)), tail + 4);
  return bytes;
}
