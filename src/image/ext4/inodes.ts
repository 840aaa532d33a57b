import type { BangerError } from "../../lib/errors/error.ts";
import { setBits } from "./allocator.ts";
import { blockSize, type InodeType, lostAndFoundInode } from "./format.ts";
import type { Geometry } from "./geometry.ts";
import { type Attributes, type Inode, newInode } from "./inode.ts";

/** Every inode of the file system, by number. The lowest free number is used first. */
export class InodeTable {
  readonly #geometry: Geometry;
  readonly #full: () => BangerError;
  /** Index is the number less one. Reserved inodes without a use are never there, yet taken. */
  readonly #inodes: (Inode | undefined)[] = new Array(lostAndFoundInode - 1).fill(undefined);
  readonly #freed: number[] = [];

  /** `full` makes the error for when nothing is left. */
  constructor(geometry: Geometry, full: () => BangerError) {
    this.#geometry = geometry;
    this.#full = full;
  }

  get total(): number {
    return this.#geometry.inodesPerGroup * this.#geometry.groups;
  }

  /** Inodes in use, the reserved ones included. */
  get used(): number {
    return this.#inodes.length - this.#freed.length;
  }

  add(type: InodeType, attributes: Attributes): Inode {
    const number = this.#freed.pop() ?? this.#inodes.length + 1;
    if (number > this.total) throw this.#full();
    return this.addAs(number, type, attributes);
  }

  /** Adds one of the reserved inodes. */
  addAs(number: number, type: InodeType, attributes: Attributes): Inode {
    const inode = newInode(number, type, attributes);
    this.#inodes[number - 1] = inode;
    return inode;
  }

  remove(inode: Inode): void {
    this.#inodes[inode.number - 1] = undefined;
    this.#freed.push(inode.number);
  }

  /** The inodes of one group up to the last one that was ever in use; undefined where one is free or reserved. */
  ofGroup(group: number): readonly (Inode | undefined)[] {
    const first = group * this.#geometry.inodesPerGroup;
    return this.#inodes.slice(first, first + this.#geometry.inodesPerGroup);
  }

  /** A bit per inode of a group, lowest first; those past the end of the table count as taken. */
  bitmap(group: number): Buffer {
    const first = group * this.#geometry.inodesPerGroup;
    const bitmap = Buffer.alloc(blockSize);
    for (const [index, inode] of this.ofGroup(group).entries()) {
      if (inode || first + index + 1 < lostAndFoundInode) setBits(bitmap, index, index + 1, true);
    }
    setBits(bitmap, this.#geometry.inodesPerGroup, blockSize * 8, true);
    return bitmap;
  }

  /** How many of a group are in use, and how many of these are directories. */
  usage(group: number): { used: number; directories: number } {
    const inodes = this.ofGroup(group);
    const inUse = inodes.filter((inode) => inode !== undefined);
    const reserved = group > 0 ? 0 : inodes.slice(0, lostAndFoundInode - 1).filter((inode) => !inode).length;
    const directories = inUse.filter((inode) => inode.type === "directory").length;
    return { used: inUse.length + reserved, directories };
  }
}
