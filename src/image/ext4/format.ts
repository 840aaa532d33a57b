/**
 * Numbers of ext4's on-disk format that more than one structure needs.
 *
 * Source: the kernel's documentation, "ext4 Data Structures and Algorithms", and fs/ext4/ext4.h for the flags.
 */

/** Bytes of a block; the one size this writer makes. */
export const blockSize = 4096;
/** A group is what one bitmap block describes. */
export const blocksPerGroup = blockSize * 8;
/** Bytes of an inode on disk, of which 160 are fields and the rest holds extended attributes. */
export const inodeSize = 256;
export const inodesPerBlock = blockSize / inodeSize;
/** Bytes of fields past the first 128: nanoseconds, creation time, upper half of the checksum. */
export const extraInodeSize = 32;
/** Bytes of a group descriptor; 64 would need the `64bit` feature, which this size of file system does not. */
export const descriptorSize = 32;
export const descriptorsPerBlock = blockSize / descriptorSize;
/** Groups whose bitmaps and inode tables stand together at the front of the first of them. */
export const flexGroups = 16;

export const rootInode = 2;
export const resizeInode = 7;
export const journalInode = 8;
/** The first inode that is not reserved, by custom that of lost+found. */
export const lostAndFoundInode = 11;

/** Links that a file can have; a directory beyond it shows 1 (feature dir_nlink). */
export const maxLinks = 65_000;
export const maxNameBytes = 255;
/** A link target and its terminating NUL fit one block. */
export const maxTargetBytes = blockSize - 1;
/** Logical blocks are numbered with 32 bits and the last number is reserved. */
export const maxFileBlocks = 2 ** 32 - 1;

/** Type bits of i_mode, stat(2). */
export const modeTypes = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
} as const;

/** file_type of a directory entry. */
export const directoryTypes = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
} as const;

export type InodeType = keyof typeof modeTypes;

/** i_flags. */
export const inodeFlags = { index: 0x1000, extents: 0x80000 } as const;

export function blocksFor(bytes: number): number {
  return Math.ceil(bytes / blockSize);
}
