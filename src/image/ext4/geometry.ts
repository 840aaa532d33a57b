import { blockSize, blocksPerGroup, descriptorsPerBlock, inodesPerBlock } from "./format.ts";

/** How a file system of a given size is divided. */
export interface Geometry {
  /** Blocks of the file system; at most those of the file, less a last group too small to be of use. */
  readonly blocks: number;
  readonly groups: number;
  readonly inodesPerGroup: number;
  /** Blocks of one group's inode table. */
  readonly inodeTableBlocks: number;
  /** Blocks of the group descriptor table. */
  readonly descriptorBlocks: number;
  /** Blocks after it that are kept free for its growth (feature resize_inode). */
  readonly reservedBlocks: number;
}

export interface GeometryOptions {
  sizeBytes: number;
  /** The size up to which the file system can be grown while mounted; 0 reserves nothing. */
  growToBytes: number;
  bytesPerInode: number;
}

/** Fewer blocks than this in the last group are not worth their metadata. The number is mke2fs's. */
const worthwhileBlocks = 50;
/** s_reserved_gdt_blocks is limited by the block of pointers that lists them. */
const maxReservedBlocks = blockSize / 4;
/** A group's inodes are counted in one bitmap block. */
const maxInodeTableBlocks = (blockSize * 8) / inodesPerBlock;

/** The division of `sizeBytes`, which may be too small for the metadata: that shows when it is placed. */
export function planGeometry(options: GeometryOptions): Geometry {
  const blocks = Math.floor(options.sizeBytes / blockSize);
  const geometry = divide(blocks, options);
  const last = geometry.groups - 1;
  const rest = blocksOfGroup(geometry, last);
  const needed = overheadOfGroup(geometry, last) + 2 + geometry.inodeTableBlocks + worthwhileBlocks;
  return last > 0 && rest < needed ? divide(blocks - rest, options) : geometry;
}

/** Whether a group holds a copy of the superblock: 0, 1 and the powers of 3, 5 and 7 (feature sparse_super). */
export function hasBackup(group: number): boolean {
  return group <= 1 || [3, 5, 7].some((base) => isPowerOf(base, group));
}

export function blocksOfGroup(geometry: Geometry, group: number): number {
  return Math.min(blocksPerGroup, geometry.blocks - group * blocksPerGroup);
}

/** Blocks at the front of a group taken by its superblock, descriptor table and the reserve for that. */
export function overheadOfGroup(geometry: Geometry, group: number): number {
  return hasBackup(group) ? 1 + geometry.descriptorBlocks + geometry.reservedBlocks : 0;
}

export function backupGroups(geometry: Geometry): number[] {
  const groups: number[] = [];
  for (let group = 1; group < geometry.groups; group += 1) if (hasBackup(group)) groups.push(group);
  return groups;
}

function divide(blocks: number, { growToBytes, bytesPerInode }: GeometryOptions): Geometry {
  const groups = Math.ceil(blocks / blocksPerGroup);
  const inodes = Math.ceil((blocks * blockSize) / bytesPerInode / groups);
  const inodeTableBlocks = Math.min(Math.ceil(inodes / inodesPerBlock), maxInodeTableBlocks);
  const descriptorBlocks = Math.ceil(groups / descriptorsPerBlock);
  const grown = Math.ceil(growToBytes / blockSize / blocksPerGroup / descriptorsPerBlock);
  const reservedBlocks = Math.min(Math.max(grown - descriptorBlocks, 0), maxReservedBlocks);
  const inodesPerGroup = inodeTableBlocks * inodesPerBlock;
  return { blocks, groups, inodesPerGroup, inodeTableBlocks, descriptorBlocks, reservedBlocks };
}

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
