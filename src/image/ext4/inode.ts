import type { Run } from "./allocator.ts";
import { crc32c } from "./crc32c.ts";
import { type ExtentRoot, writeExtentRoot } from "./extents.ts";
import { blockSize, extraInodeSize, type InodeType, maxLinks, modeTypes } from "./format.ts";

/** A moment, as seconds since 1970 and nanoseconds within the second. */
export interface Time {
  seconds: number;
  nanoseconds: number;
}

/** What an inode says of its owner and times. */
export interface Attributes {
  /** Permission bits with setuid, setgid and sticky: 12 bits. */
  mode: number;
  uid: number;
  gid: number;
  modified: Time;
}

/** An inode in memory. What it points to is on disk already, so that only this much is held of a file. */
export interface Inode extends Attributes {
  readonly number: number;
  readonly type: InodeType;
  links: number;
  /** Bytes: of the content, of the link's target, of a directory's blocks. */
  size: number;
  flags: number;
  /** Where the content is; undefined when i_block is something else. */
  extents: ExtentRoot | undefined;
  /** i_block when it is something else: a short link's target, a device's number. One character per byte, at most 60. */
  content: string;
  /** Extended attributes inside the inode, ready to be written. */
  inlineAttributes: Buffer | undefined;
  /** Block of extended attributes, 0 when there is none. */
  attributeBlock: number;
  /** Blocks of the content and of its extent tree. */
  runs: readonly Run[];
}

/** Seconds that 32 bits and two more of an "epoch" can say, counted from 1901. Ends in 2446. */
const earliest = -(2 ** 31);
const latest = 2 ** 34 - 2 ** 31 - 1;

export function newInode(number: number, type: InodeType, attributes: Attributes): Inode {
  return {
    ...attributes,
    number,
    type,
    // A directory has two names to begin with: that in its parent, and its own ".".
    links: type === "directory" ? 2 : 1,
    size: 0,
    flags: 0,
    extents: undefined,
    content: "",
    inlineAttributes: undefined,
    attributeBlock: 0,
    runs: [],
  };
}

/** i_block of a device: the old 16-bit number when it fits, else the new 32-bit one in the second word. */
export function encodeDevice(major: number, minor: number): string {
  const bytes = Buffer.alloc(8);
  if (major < 256 && minor < 256) bytes.writeUInt32LE((major << 8) | minor, 0);
  else bytes.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 4);
  return bytes.toString("latin1");
}

/**
 * Writes the 256 bytes of an inode, all of them. Disk format: ext4 documentation, "Index Nodes".
 *
 * @param bytes 256 bytes to be written
 * @param created becomes the creation time
 * @param seed the inode's checksum seed
 */
export function writeInode(
  inode: Inode,
  bytes: Buffer,
  { created, seed }: { created: Time; seed: number },
): void {
  bytes.fill(0);
  const sectors = blocksOf(inode) * (blockSize / 512);
  bytes.writeUInt16LE(modeTypes[inode.type] | inode.mode, 0x00);
  bytes.writeUInt16LE(inode.uid & 0xffff, 0x02);
  bytes.writeUInt32LE(inode.size % 2 ** 32, 0x04);
  const modified = encodeTime(inode.modified);
  for (const [low, high] of [
    [0x08, 0x8c], // accessed
    [0x0c, 0x84], // changed
    [0x10, 0x88], // modified
  ] as const) {
    bytes.writeUInt32LE(modified.low, low);
    bytes.writeUInt32LE(modified.high, high);
  }
  bytes.writeUInt16LE(inode.gid & 0xffff, 0x18);
  bytes.writeUInt16LE(inode.links > maxLinks ? 1 : inode.links, 0x1a);
  bytes.writeUInt32LE(sectors % 2 ** 32, 0x1c);
  bytes.writeUInt32LE(inode.flags, 0x20);
  if (inode.extents) writeExtentRoot(inode.extents, bytes, 0x28);
  else bytes.write(inode.content, 0x28, "latin1");
  bytes.writeUInt32LE(inode.attributeBlock, 0x68);
  bytes.writeUInt32LE(Math.floor(inode.size / 2 ** 32), 0x6c);
  bytes.writeUInt16LE(Math.floor(sectors / 2 ** 32), 0x74);
  bytes.writeUInt16LE(inode.uid >>> 16, 0x78);
  bytes.writeUInt16LE(inode.gid >>> 16, 0x7a);
  bytes.writeUInt16LE(extraInodeSize, 0x80);
  const birth = encodeTime(created);
  bytes.writeUInt32LE(birth.low, 0x90);
  bytes.writeUInt32LE(birth.high, 0x94);
  inode.inlineAttributes?.copy(bytes, 0x80 + extraInodeSize);
  const checksum = crc32c(seed, bytes);
  bytes.writeUInt16LE(checksum & 0xffff, 0x7c);
  bytes.writeUInt16LE(checksum >>> 16, 0x82);
}

function blocksOf(inode: Inode): number {
  return inode.runs.reduce((sum, run) => sum + run.count, inode.attributeBlock === 0 ? 0 : 1);
}

/**
 * The low word is the signed 32 bits that ext3 had; the high word has two more bits of seconds below thirty of
 * nanoseconds. Times beyond the format are moved to its ends, as the kernel does.
 */
function encodeTime(time: Time): { low: number; high: number } {
  const seconds = Math.min(Math.max(Math.floor(time.seconds), earliest), latest);
  const low = seconds | 0;
  const epoch = (seconds - low) / 2 ** 32;
  return { low: low >>> 0, high: ((time.nanoseconds << 2) | epoch) >>> 0 };
}
