import type { BlockAllocator } from "./allocator.ts";
import type { ChecksumSeeds } from "./checksum.ts";
import { crc32c, crc32cOfNumber } from "./crc32c.ts";
import { blockSize, blocksPerGroup, descriptorSize, inodeSize, inodesPerBlock } from "./format.ts";
import type { Geometry } from "./geometry.ts";
import { type Time, writeInode } from "./inode.ts";
import type { InodeTable } from "./inodes.ts";
import type { GroupLayout } from "./layout.ts";
import type { Output } from "./output.ts";

export interface GroupsContext {
  geometry: Geometry;
  layouts: readonly GroupLayout[];
  allocator: BlockAllocator;
  inodes: InodeTable;
  seeds: ChecksumSeeds;
  output: Output;
  /** Creation time of every inode. */
  created: Time;
}

/** bg_flags. All tables are "zeroed": a new file reads as zeros, so the guest's kernel need not write any. */
const flags = { inodeUninit: 1, blockUninit: 2, inodeZeroed: 4 } as const;

/**
 * Writes each group's bitmaps and inodes, but nothing where the descriptor says as much.
 *
 * @returns the group descriptor table, whole blocks
 */
export async function writeGroups(context: GroupsContext): Promise<Buffer> {
  const table = Buffer.alloc(context.geometry.descriptorBlocks * blockSize);
  for (let group = 0; group < context.geometry.groups; group += 1) {
    await writeInodes(context, group);
    const descriptor = await writeBitmaps(context, group);
    descriptor.copy(table, group * descriptorSize);
  }
  return table;
}

/** Whole blocks, so that what is unused in them is zero. */
async function writeInodes(
  { inodes, layouts, seeds, output, created }: GroupsContext,
  group: number,
): Promise<void> {
  const table = layouts[group]?.inodeTable ?? 0;
  const all = inodes.ofGroup(group);
  const bytes = Buffer.alloc(blockSize);
  for (let first = 0; first < all.length; first += inodesPerBlock) {
    bytes.fill(0);
    for (const [index, inode] of all.slice(first, first + inodesPerBlock).entries()) {
      if (!inode) continue;
      const place = bytes.subarray(index * inodeSize, (index + 1) * inodeSize);
      writeInode(inode, place, { created, seed: seeds.inode(inode.number) });
    }
    await output.write((table + first / inodesPerBlock) * blockSize, bytes);
  }
}

async function writeBitmaps(context: GroupsContext, group: number): Promise<Buffer> {
  const { geometry, allocator, inodes, seeds, output } = context;
  const layout = context.layouts[group] ?? { blockBitmap: 0, inodeBitmap: 0, inodeTable: 0 };
  // The last group's bitmap is always there: its padding past the end of the file system is ours to write.
  const blocks = allocator.bitmap(group, group === geometry.groups - 1);
  const inodesSeen = inodes.ofGroup(group).length;
  const inodeBitmap = inodesSeen > 0 ? inodes.bitmap(group) : undefined;
  const { used, directories } = inodes.usage(group);
  if (blocks) await output.write(layout.blockBitmap * blockSize, blocks);
  if (inodeBitmap) await output.write(layout.inodeBitmap * blockSize, inodeBitmap);

  const descriptor = Buffer.alloc(descriptorSize);
  descriptor.writeUInt32LE(layout.blockBitmap, 0x00);
  descriptor.writeUInt32LE(layout.inodeBitmap, 0x04);
  descriptor.writeUInt32LE(layout.inodeTable, 0x08);
  descriptor.writeUInt16LE(allocator.freeIn(group), 0x0c);
  descriptor.writeUInt16LE(geometry.inodesPerGroup - used, 0x0e);
  descriptor.writeUInt16LE(directories, 0x10);
  const uninit = (blocks ? 0 : flags.blockUninit) | (inodeBitmap ? 0 : flags.inodeUninit);
  descriptor.writeUInt16LE(flags.inodeZeroed | uninit, 0x12);
  const { fileSystem } = seeds;
  if (blocks) descriptor.writeUInt16LE(lower(crc32c(fileSystem, blocks, 0, blocksPerGroup / 8)), 0x18);
  const inodeBytes = geometry.inodesPerGroup / 8;
  if (inodeBitmap) descriptor.writeUInt16LE(lower(crc32c(fileSystem, inodeBitmap, 0, inodeBytes)), 0x1a);
  descriptor.writeUInt16LE(geometry.inodesPerGroup - inodesSeen, 0x1c);
  descriptor.writeUInt16LE(lower(crc32c(crc32cOfNumber(fileSystem, group), descriptor)), 0x1e);
  return descriptor;
}

function lower(checksum: number): number {
  return checksum & 0xffff;
}
