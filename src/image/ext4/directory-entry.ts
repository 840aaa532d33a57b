import { crc32c } from "./crc32c.ts";
import { blockSize, directoryTypes, type InodeType } from "./format.ts";

/** One name in a directory. */
export interface DirectoryEntry {
  /** One character per byte. */
  name: string;
  inode: number;
  type: InodeType;
}

export interface DirectoryContext {
  /** Inode of the directory itself and of the one that it is in. */
  self: number;
  parent: number;
  /** Checksum seed of the directory's inode. */
  seed: number;
  /** Four words, s_hash_seed. */
  hashSeed: Uint32Array;
}

/** The last bytes of a block of entries look like an unused entry and hold the block's checksum. */
export const tailBytes = 12;
export const leafBytes = blockSize - tailBytes;
const tailType = 0xde;

export function dotEntries({ self, parent }: DirectoryContext): [DirectoryEntry, DirectoryEntry] {
  return [
    { name: ".", inode: self, type: "directory" },
    { name: "..", inode: parent, type: "directory" },
  ];
}

/** Bytes that an entry takes at least. */
export function entrySize(name: string): number {
  return (8 + name.length + 3) & ~3;
}

/** A block of entries; the last one reaches to the checksum. */
export function encodeLeaf(entries: readonly DirectoryEntry[], seed: number): Buffer {
  const bytes = Buffer.alloc(blockSize);
  let at = 0;
  for (const [index, entry] of entries.entries()) {
    const length = index === entries.length - 1 ? leafBytes - at : entrySize(entry.name);
    writeEntry(bytes, at, entry, length);
    at += length;
  }
  bytes.writeUInt16LE(tailBytes, leafBytes + 4);
  bytes.writeUInt8(tailType, leafBytes + 7);
  bytes.writeUInt32LE(crc32c(seed, bytes, 0, leafBytes), leafBytes + 8);
  return bytes;
}

/** Inode u32, length of the entry u16, length of the name u8, type u8, name. */
export function writeEntry(into: Buffer, at: number, entry: DirectoryEntry, length: number): void {
  into.writeUInt32LE(entry.inode, at);
  into.writeUInt16LE(length, at + 4);
  into.writeUInt8(entry.name.length, at + 6);
  into.writeUInt8(directoryTypes[entry.type], at + 7);
  for (let index = 0; index < entry.name.length; index += 1)
    into[at + 8 + index] = entry.name.charCodeAt(index);
}
