import type { Run } from "./allocator.ts";
import { blockSize, blocksPerGroup } from "./format.ts";
import { backupGroups, type Geometry } from "./geometry.ts";

/** The inode that owns the blocks reserved for a longer descriptor table (feature resize_inode). */
export interface ResizeReserve {
  /** i_block: fifteen block numbers, of which only the double indirect one is set; one character per byte. */
  content: string;
  /** Bytes: as far as a double indirect block reaches. */
  size: number;
  runs: Run[];
  /** Blocks to be written. */
  blocks: { block: number; bytes: Buffer }[];
}

const pointersPerBlock = blockSize / 4;
const directBlocks = 12;
const doubleIndirect = 13;

/**
 * The reserve as the kernel's online resize expects it: the double indirect block has, at the place of each
 * descriptor block to come, its number in the first group; that block in turn lists the same one of every group with
 * a backup. Source: fs/ext4/resize.c, verify_reserved_gdb and reserve_backup_gdb.
 *
 * @param doubleIndirectBlock a block taken for it
 */
export function buildResizeReserve(geometry: Geometry, doubleIndirectBlock: number): ResizeReserve {
  const { descriptorBlocks, reservedBlocks } = geometry;
  const content = Buffer.alloc(60);
  content.writeUInt32LE(doubleIndirectBlock, doubleIndirect * 4);
  const top = Buffer.alloc(blockSize);
  const groups = backupGroups(geometry);
  const blocks = [{ block: doubleIndirectBlock, bytes: top }];
  for (let index = 0; index < reservedBlocks; index += 1) {
    const place = 1 + descriptorBlocks + index;
    top.writeUInt32LE(place, ((descriptorBlocks + index) % pointersPerBlock) * 4);
    const bytes = Buffer.alloc(blockSize);
    for (const [at, group] of groups.entries()) bytes.writeUInt32LE(group * blocksPerGroup + place, at * 4);
    blocks.push({ block: place, bytes });
  }
  const runs = [0, ...groups].map((group) => ({
    start: group * blocksPerGroup + 1 + descriptorBlocks,
    count: reservedBlocks,
  }));
  return {
    content: content.toString("latin1"),
    size: (directBlocks + pointersPerBlock + pointersPerBlock ** 2) * blockSize,
    runs: [{ start: doubleIndirectBlock, count: 1 }, ...runs],
    blocks,
  };
}
