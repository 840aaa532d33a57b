import { encodeAcl } from "./acl.ts";
import { crc32c, crc32cOfNumber } from "./crc32c.ts";
import { blockSize, extraInodeSize, inodeSize } from "./format.ts";

/** An extended attribute as ext4 keeps it: a number for the beginning of its name, and the rest. */
export interface DiskAttribute {
  index: number;
  /** Bytes of the name after the prefix. */
  name: Buffer;
  value: Buffer;
}

/** Attributes laid out for an inode; what does not fit into it is for a block of its own. */
export interface PlacedAttributes {
  /** Bytes for the end of the inode. */
  inline: Buffer | undefined;
  overflow: DiskAttribute[];
}

const magic = 0xea020000;
const entryBytes = 16;
const blockHeaderBytes = 32;
/** A zero word ends the list of entries. */
const endBytes = 4;
/** Room after the inode's fields, less the magic number. */
const inlineBytes = inodeSize - 128 - extraInodeSize - 4;
const checksumOffset = 0x10;
/** Prefixes and their numbers: fs/ext4/xattr.h. */
const prefixes = [
  ["user.", 1],
  ["trusted.", 4],
  ["security.", 6],
] as const;
const lists = new Map([
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
]);

/**
 * The attributes that ext4 can hold, in the order in which a block needs them: by number, length of the name, name.
 * Those of other name spaces (such as another system's) are left out, as the kernel would refuse them.
 *
 * @param attributes full name, one character per byte, to value
 */
export function toDiskAttributes(attributes: ReadonlyMap<string, Buffer>): DiskAttribute[] {
  const known: DiskAttribute[] = [];
  for (const [name, value] of attributes) {
    const attribute = toDiskAttribute(name, value);
    if (attribute) known.push(attribute);
  }
  return known.sort(byDiskOrder);
}

/** Puts into the inode whatever fits, the rest aside. */
export function placeAttributes(attributes: readonly DiskAttribute[]): PlacedAttributes {
  const inline: DiskAttribute[] = [];
  const overflow: DiskAttribute[] = [];
  let room = inlineBytes - endBytes;
  for (const attribute of attributes) {
    const size = sizeOf(attribute);
    if (size > room) overflow.push(attribute);
    else {
      inline.push(attribute);
      room -= size;
    }
  }
  if (inline.length === 0) return { inline: undefined, overflow };
  const bytes = Buffer.alloc(4 + inlineBytes);
  bytes.writeUInt32LE(magic, 0);
  writeEntries(bytes.subarray(4), inline, { at: 0, hashed: false });
  return { inline: bytes, overflow };
}

/** Whether one block holds all of these. */
export function fitsBlock(attributes: readonly DiskAttribute[]): boolean {
  const room = blockSize - blockHeaderBytes - endBytes;
  return attributes.reduce((sum, attribute) => sum + sizeOf(attribute), 0) <= room;
}

/**
 * A block of attributes. Header: magic u32, users u32, blocks u32, hash u32, checksum u32. Disk format: ext4
 * documentation, "Extended Attributes".
 *
 * @param block its number, part of its checksum
 * @param seed the file system's checksum seed
 */
export function encodeAttributeBlock(
  attributes: readonly DiskAttribute[],
  block: number,
  seed: number,
): Buffer {
  const bytes = Buffer.alloc(blockSize);
  bytes.writeUInt32LE(magic, 0x00);
  bytes.writeUInt32LE(1, 0x04);
  bytes.writeUInt32LE(1, 0x08);
  const hashes = writeEntries(bytes, attributes, { at: blockHeaderBytes, hashed: true });
  bytes.writeUInt32LE(combineHashes(hashes), 0x0c);
  const checksum = crc32c(crc32cOfNumber(crc32cOfNumber(seed, block), 0), bytes);
  bytes.writeUInt32LE(checksum, checksumOffset);
  return bytes;
}

function toDiskAttribute(name: string, value: Buffer): DiskAttribute | undefined {
  const list = lists.get(name);
  if (list !== undefined) {
    const acl = encodeAcl(value);
    return acl && { index: list, name: Buffer.alloc(0), value: acl };
  }
  for (const [prefix, index] of prefixes) {
    const rest = name.slice(prefix.length);
    const usable = rest.length > 0 && rest.length <= 255;
    if (name.startsWith(prefix) && usable) return { index, name: Buffer.from(rest, "latin1"), value };
  }
  return undefined;
}

/**
 * Entries from the front, values from the back, both padded to four bytes. An entry: length of the name u8, index u8,
 * offset of the value from the start of `into` u16, inode of the value u32, its length u32, hash u32, name.
 *
 * @returns the hashes
 */
function writeEntries(
  into: Buffer,
  attributes: readonly DiskAttribute[],
  { at, hashed }: { at: number; hashed: boolean },
): number[] {
  let front = at;
  let back = into.length;
  const hashes: number[] = [];
  for (const attribute of attributes) {
    const { index, name, value } = attribute;
    back -= padded(value.length);
    value.copy(into, back);
    const hash = hashed ? hashEntry(name, into.subarray(back, back + padded(value.length))) : 0;
    hashes.push(hash);
    into.writeUInt8(name.length, front);
    into.writeUInt8(index, front + 1);
    into.writeUInt16LE(value.length === 0 ? 0 : back, front + 2);
    into.writeUInt32LE(value.length, front + 8);
    into.writeUInt32LE(hash, front + 12);
    name.copy(into, front + entryBytes);
    front += entryBytes + padded(name.length);
  }
  return hashes;
}

/** fs/ext4/xattr.c, ext4_xattr_hash_entry: the name byte by byte, then the value word by word. */
function hashEntry(name: Buffer, value: Buffer): number {
  let hash = 0;
  for (const byte of name) hash = (hash << 5) ^ (hash >>> 27) ^ byte;
  for (let at = 0; at < value.length; at += 4) hash = (hash << 16) ^ (hash >>> 16) ^ value.readInt32LE(at);
  return hash >>> 0;
}

/** fs/ext4/xattr.c, ext4_xattr_rehash: 0 says that the block is not to be shared. */
function combineHashes(hashes: readonly number[]): number {
  if (hashes.includes(0)) return 0;
  return hashes.reduce((hash, entry) => (hash << 16) ^ (hash >>> 16) ^ entry, 0) >>> 0;
}

function byDiskOrder(a: DiskAttribute, b: DiskAttribute): number {
  return a.index - b.index || a.name.length - b.name.length || a.name.compare(b.name);
}

function sizeOf({ name, value }: DiskAttribute): number {
  return entryBytes + padded(name.length) + padded(value.length);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
