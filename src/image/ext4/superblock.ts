import { crc32c } from "./crc32c.ts";
import { writeExtentRoot } from "./extents.ts";
import {
  blockSize,
  blocksPerGroup,
  extraInodeSize,
  flexGroups,
  inodeSize,
  journalInode,
  lostAndFoundInode,
} from "./format.ts";
import type { Geometry } from "./geometry.ts";
import { halfMd4Version, unsignedHashFlag } from "./hash.ts";
import type { Inode } from "./inode.ts";

export interface SuperblockFields {
  geometry: Geometry;
  /** At most 16 bytes. */
  label: string;
  /** 16 bytes each. */
  uuid: Buffer;
  hashSeed: Buffer;
  freeBlocks: number;
  freeInodes: number;
  /** Seconds since 1970. */
  created: number;
  journal: Inode | undefined;
}

/** Bytes of a superblock, and where the first one is: after room for a boot loader. */
export const superblockBytes = 1024;
export const superblockOffset = 1024;

const compatible = { hasJournal: 0x4, extAttr: 0x8, resizeInode: 0x10, dirIndex: 0x20 };
const incompatible = { filetype: 0x2, extents: 0x40, flexBg: 0x200 };
const readOnlyCompatible = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  dirNlink: 0x20,
  extraIsize: 0x40,
  metadataCsum: 0x400,
};
/** Mount options that are on unless turned off: extended attributes for users, access control lists. */
const defaultMountFlags = 0x4 | 0x8;
/**
 * More of them, as text. Growing adds inode tables, which the kernel would write full of zeros in the background: 16 MB
 * for each GiB. The disk that a machine grows into reads as zeros already.
 */
const defaultMountOptions = "noinit_itable";
const checksumOffset = 0x3fc;

/**
 * A superblock. Disk format: ext4 documentation, "Super Block".
 *
 * @param group the group whose copy it is
 */
export function encodeSuperblock(fields: SuperblockFields, group: number): Buffer {
  const { geometry, journal } = fields;
  const bytes = Buffer.alloc(superblockBytes);
  const u32 = (value: number, at: number): number => bytes.writeUInt32LE(value, at);
  const u16 = (value: number, at: number): number => bytes.writeUInt16LE(value, at);
  u32(geometry.inodesPerGroup * geometry.groups, 0x00);
  u32(geometry.blocks, 0x04);
  u32(fields.freeBlocks, 0x0c);
  u32(fields.freeInodes, 0x10);
  u32(Math.log2(blockSize) - 10, 0x18);
  u32(Math.log2(blockSize) - 10, 0x1c); // cluster size
  u32(blocksPerGroup, 0x20);
  u32(blocksPerGroup, 0x24); // clusters per group
  u32(geometry.inodesPerGroup, 0x28);
  u32(fields.created, 0x30); // last written
  u16(0xffff, 0x36); // no check after a number of mounts
  u16(0xef53, 0x38); // magic
  u16(1, 0x3a); // cleanly unmounted
  u16(1, 0x3c); // on errors: continue
  u32(fields.created, 0x40); // last checked
  u32(1, 0x4c); // revision with variable inode size
  u32(lostAndFoundInode, 0x54); // first inode that is not reserved
  u16(inodeSize, 0x58);
  u16(group, 0x5a);
  u32(compatibleFlags(fields), 0x5c);
  u32(sum(incompatible), 0x60);
  u32(sum(readOnlyCompatible), 0x64);
  fields.uuid.copy(bytes, 0x68);
  bytes.write(fields.label, 0x78, 16, "utf8");
  u16(geometry.reservedBlocks, 0xce);
  fields.hashSeed.copy(bytes, 0xec);
  bytes.writeUInt8(halfMd4Version, 0xfc);
  u32(defaultMountFlags, 0x100);
  u32(fields.created, 0x108);
  u16(extraInodeSize, 0x15c);
  u16(extraInodeSize, 0x15e);
  u32(unsignedHashFlag, 0x160);
  bytes.writeUInt8(Math.log2(flexGroups), 0x174);
  bytes.writeUInt8(1, 0x175); // checksums are CRC-32C
  bytes.write(defaultMountOptions, 0x200, 64, "latin1");
  if (journal) writeJournalFields(bytes, journal);
  u32(crc32c(0xffffffff, bytes, 0, checksumOffset), checksumOffset);
  return bytes;
}

function compatibleFlags({ geometry, journal }: SuperblockFields): number {
  const always = compatible.extAttr | compatible.dirIndex;
  const resize = geometry.reservedBlocks > 0 ? compatible.resizeInode : 0;
  return always | resize | (journal ? compatible.hasJournal : 0);
}

/** The journal's inode number, and a copy of its block map and size in case that inode is damaged. */
function writeJournalFields(bytes: Buffer, journal: Inode): void {
  bytes.writeUInt32LE(journalInode, 0xe0);
  bytes.writeUInt8(1, 0xfd); // the copy is there
  if (journal.extents) writeExtentRoot(journal.extents, bytes, 0x10c);
  bytes.writeUInt32LE(Math.floor(journal.size / 2 ** 32), 0x10c + 60);
  bytes.writeUInt32LE(journal.size % 2 ** 32, 0x10c + 64);
}

function sum(flags: Record<string, number>): number {
  return Object.values(flags).reduce((all, flag) => all | flag, 0);
}
