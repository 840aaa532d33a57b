import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** What an image says of one path. Written from the format's documentation, apart from the writer under test. */
export interface Found {
  inode: number;
  type: string;
  mode: number;
  uid: number;
  gid: number;
  links: number;
  size: number;
  mtime: { seconds: number; nanoseconds: number };
  /** Of regular files and long links: logical block to physical block. */
  blocks: Map<number, number>;
  content?: Buffer;
  target?: string;
  device?: { major: number; minor: number };
  xattrs: Map<string, Buffer>;
  indexed: boolean;
}

const block = 4096;
const types: Record<number, string> = {
  1: "fifo",
  2: "character",
  4: "directory",
  6: "block",
  8: "file",
  10: "symlink",
};
const prefixes: Record<number, string> = {
  1: "user.",
  2: "system.posix_acl_access",
  3: "system.posix_acl_default",
  4: "trusted.",
  6: "security.",
};

/** A read-only view of an image of at most a few hundred megabytes. */
export class ImageReader {
  readonly image: Buffer;
  readonly #inodesPerGroup: number;

  constructor(path: string) {
    this.image = readFileSync(path);
    assert.equal(this.image.readUInt16LE(1024 + 0x38), 0xef53, "magic of the superblock");
    this.#inodesPerGroup = this.image.readUInt32LE(1024 + 0x28);
  }

  /** Every path below the root, "" being the root; paths have one character per byte. */
  list(): Map<string, Found> {
    const found = new Map<string, Found>();
    const walk = (path: string, inode: number): void => {
      const here = this.inode(inode);
      found.set(path, here);
      if (here.type !== "directory") return;
      for (const [name, child] of this.names(here)) {
        if (name !== "." && name !== "..") walk(path === "" ? name : `${path}/${name}`, child);
      }
    };
    walk("", 2);
    return found;
  }

  names(directory: Found): [string, number][] {
    const bytes = directory.content ?? Buffer.alloc(0);
    const names: [string, number][] = [];
    for (let at = 0; at < bytes.length; ) {
      const inode = bytes.readUInt32LE(at);
      const length = bytes.readUInt16LE(at + 4);
      const nameLength = bytes[at + 6] as number;
      if (inode !== 0) names.push([bytes.toString("latin1", at + 8, at + 8 + nameLength), inode]);
      assert.ok(length >= 8, "length of a directory entry");
      // The rest of an index block is covered by the length of its last entry.
      at += length;
    }
    return names;
  }

  inode(number: number): Found {
    const group = Math.floor((number - 1) / this.#inodesPerGroup);
    const table = this.image.readUInt32LE(block + group * 32 + 8);
    const at = table * block + ((number - 1) % this.#inodesPerGroup) * 256;
    const raw = this.image.subarray(at, at + 256);
    const mode = raw.readUInt16LE(0);
    const type = types[mode >> 12] ?? `type ${mode >> 12}`;
    const flags = raw.readUInt32LE(0x20);
    const size = raw.readUInt32LE(4) + raw.readUInt32LE(0x6c) * 2 ** 32;
    const high = raw.readUInt32LE(0x88);
    const found: Found = {
      inode: number,
      type,
      mode: mode & 0o7777,
      uid: raw.readUInt16LE(2) + raw.readUInt16LE(0x78) * 65536,
      gid: raw.readUInt16LE(0x18) + raw.readUInt16LE(0x7a) * 65536,
      links: raw.readUInt16LE(0x1a),
      size,
      mtime: { seconds: raw.readInt32LE(0x10) + (high & 3) * 2 ** 32, nanoseconds: high >>> 2 },
      blocks: new Map(),
      xattrs: this.#attributes(raw),
      indexed: (flags & 0x1000) !== 0,
    };
    if (flags & 0x80000) this.#extents(raw.subarray(0x28, 0x28 + 60), found.blocks);
    if (type === "file" || type === "directory") found.content = this.#content(found);
    if (type === "symlink") {
      const bytes = flags & 0x80000 ? this.#content(found) : raw.subarray(0x28, 0x28 + size);
      found.target = bytes.toString("latin1");
    }
    if (type === "character" || type === "block") found.device = device(raw);
    return found;
  }

  #content(found: Found): Buffer {
    const bytes = Buffer.alloc(found.size);
    for (const [logical, physical] of found.blocks) {
      this.image.copy(bytes, logical * block, physical * block, (physical + 1) * block);
    }
    return bytes;
  }

  #extents(node: Buffer, into: Map<number, number>): void {
    assert.equal(node.readUInt16LE(0), 0xf30a, "magic of an extent node");
    const depth = node.readUInt16LE(6);
    for (let entry = 0; entry < node.readUInt16LE(2); entry += 1) {
      const at = 12 + entry * 12;
      if (depth > 0) {
        const child = node.readUInt32LE(at + 4) * block;
        this.#extents(this.image.subarray(child, child + block), into);
        continue;
      }
      const logical = node.readUInt32LE(at);
      const count = node.readUInt16LE(at + 4);
      const start = node.readUInt32LE(at + 8);
      for (let index = 0; index < count; index += 1) into.set(logical + index, start + index);
    }
  }

  #attributes(raw: Buffer): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    const inline = raw.subarray(0xa0);
    if (inline.readUInt32LE(0) === 0xea020000) readEntries(inline.subarray(4), 0, found);
    const own = raw.readUInt32LE(0x68) * block;
    if (own > 0) readEntries(this.image.subarray(own, own + block), 32, found);
    return found;
  }
}

function readEntries(area: Buffer, from: number, into: Map<string, Buffer>): void {
  for (let at = from; area.readUInt32LE(at) !== 0; ) {
    const nameLength = area[at] as number;
    const prefix = prefixes[area[at + 1] as number] ?? `index ${area[at + 1]}:`;
    const value = area.readUInt16LE(at + 2);
    const name = prefix + area.toString("latin1", at + 16, at + 16 + nameLength);
    into.set(name, Buffer.from(area.subarray(value, value + area.readUInt32LE(at + 8))));
    at += 16 + Math.ceil(nameLength / 4) * 4;
  }
}

function device(raw: Buffer): { major: number; minor: number } {
  const old = raw.readUInt32LE(0x28);
  if (old !== 0) return { major: old >> 8, minor: old & 0xff };
  const wide = raw.readUInt32LE(0x2c);
  return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
}
