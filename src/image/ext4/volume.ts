import assert from "node:assert/strict";
import { type BangerError, fault } from "../../lib/errors/error.ts";
import { formatSize } from "../../lib/size.ts";
import { BlockAllocator, type Run } from "./allocator.ts";
import { ChecksumSeeds } from "./checksum.ts";
import { type Piece, storeContent } from "./content.ts";
import { appendRun, buildExtentTree, type Extent } from "./extents.ts";
import {
  blockSize,
  blocksFor,
  blocksPerGroup,
  type InodeType,
  inodeFlags,
  journalInode,
  resizeInode,
} from "./format.ts";
import { backupGroups, type Geometry, planGeometry } from "./geometry.ts";
import { writeGroups } from "./groups.ts";
import type { Attributes, Inode, Time } from "./inode.ts";
import { InodeTable } from "./inodes.ts";
import { encodeJournalSuperblock, minJournalBlocks } from "./journal.ts";
import { type GroupLayout, placeGroups } from "./layout.ts";
import { Output } from "./output.ts";
import { buildResizeReserve } from "./resize.ts";
import { encodeSuperblock, type SuperblockFields, superblockBytes, superblockOffset } from "./superblock.ts";
import { encodeAttributeBlock, fitsBlock, placeAttributes, toDiskAttributes } from "./xattr.ts";

export interface VolumeOptions {
  /** The image file, which must not exist. */
  path: string;
  /** At most 16 bytes. */
  label: string;
  /** 16 bytes each. */
  uuid: Buffer;
  hashSeed: Buffer;
  /** Of the file and, rounded down to blocks, of the file system; at most 16 TiB. */
  sizeBytes: number;
  /** 0: no journal, for a file system that is only read. Else at least 4 MiB. */
  journalBytes: number;
  /** Up to here it can be grown while it is mounted, without moving anything. Default 2 TiB; 0 reserves nothing. */
  growToBytes?: number;
  /** One inode for so many bytes. Default 16 KiB, as mke2fs. */
  bytesPerInode?: number;
  /** Time of everything that the archive gives no time for. */
  epoch: Time;
  signal?: AbortSignal | undefined;
}

export interface VolumeUsage {
  /** Of the finished image file, in lower-case hex. */
  sha256: string;
  /** Blocks of the file system. */
  blocks: number;
  /** What files, links and directories take, with their own metadata. */
  usedBytes: number;
  /** Inodes in use, reserved ones included. */
  inodes: number;
}

const defaultGrowToBytes = 2 * 2 ** 40;
const defaultBytesPerInode = 16_384;

/** The file system below its names: blocks, inodes, and what describes them. */
export class Volume implements AsyncDisposable {
  /** What is being stored, for errors. */
  entry: string | Buffer = "/";
  readonly #options: VolumeOptions;
  readonly #output: Output;
  readonly #geometry: Geometry;
  readonly #allocator: BlockAllocator;
  readonly #inodes: InodeTable;
  readonly #seeds: ChecksumSeeds;
  readonly #hashSeed: Uint32Array;
  #layouts: readonly GroupLayout[] = [];
  #journal: Inode | undefined;
  /** Free blocks when there are no files yet. */
  #initiallyFree = 0;

  private constructor(options: VolumeOptions, output: Output) {
    const size = formatSize(options.sizeBytes);
    this.#options = options;
    this.#output = output;
    this.#geometry = planGeometry({
      sizeBytes: options.sizeBytes,
      growToBytes: options.growToBytes ?? defaultGrowToBytes,
      bytesPerInode: options.bytesPerInode ?? defaultBytesPerInode,
    });
    this.#allocator = new BlockAllocator(this.#geometry, () => this.problem(`does not fit into ${size}`));
    this.#inodes = new InodeTable(this.#geometry, () =>
      this.problem(`is one file too many: a file system of ${size} has ${this.#inodes.total} inodes`),
    );
    this.#seeds = new ChecksumSeeds(options.uuid);
    this.#hashSeed = Uint32Array.from([0, 4, 8, 12], (at) => options.hashSeed.readUInt32LE(at));
  }

  /** @throws root_filesystem_invalid, no_space, directory_not_writable, interrupted */
  static async create(options: VolumeOptions): Promise<Volume> {
    assert(options.sizeBytes >= blockSize && options.sizeBytes < 2 ** 44, "size of the file system");
    assert(options.uuid.length === 16 && options.hashSeed.length === 16, "length of the identifiers");
    assert(
      options.hashSeed.some((byte) => byte !== 0),
      "an all-zero hash seed means another one",
    );
    assert(Buffer.byteLength(options.label) <= 16, "length of the label");
    const output = await Output.create(options.path, options.sizeBytes, options.signal);
    const volume = new Volume(options, output);
    try {
      volume.#layouts = placeGroups(volume.#geometry, volume.#allocator);
      await volume.#makeResizeInode();
      await volume.#makeJournal();
      volume.#initiallyFree = volume.#allocator.freeBlocks;
      return volume;
    } catch (error) {
      await output[Symbol.asyncDispose]();
      throw error;
    }
  }

  get hashSeed(): Uint32Array {
    return this.#hashSeed;
  }

  get epoch(): Time {
    return this.#options.epoch;
  }

  problem(problem: string): BangerError {
    return fault("root_filesystem_invalid", { entry: this.entry.toString(), problem });
  }

  seedOf(inode: Inode): number {
    return this.#seeds.inode(inode.number);
  }

  addInode(type: InodeType, attributes: Attributes): Inode {
    return this.#inodes.add(type, attributes);
  }

  addReservedInode(number: number, type: InodeType, attributes: Attributes): Inode {
    return this.#inodes.addAs(number, type, attributes);
  }

  /** Gives back an inode and everything that it owns. */
  release(inode: Inode): void {
    for (const run of inode.runs) this.#allocator.free(run);
    this.#dropAttributeBlock(inode);
    this.#inodes.remove(inode);
  }

  /**
   * Sets the extended attributes of an inode, in place of those that it has.
   *
   * @returns how many could not be stored, as they belong to another system
   */
  async setAttributes(inode: Inode, attributes: ReadonlyMap<string, Buffer>): Promise<number> {
    this.#dropAttributeBlock(inode);
    const known = toDiskAttributes(attributes);
    const { inline, overflow } = placeAttributes(known);
    inode.inlineAttributes = inline;
    if (overflow.length > 0) {
      if (!fitsBlock(overflow)) throw this.problem("has extended attributes that do not fit into 4 KiB");
      const block = this.#allocator.allocate(1).start;
      inode.attributeBlock = block;
      const bytes = encodeAttributeBlock(overflow, block, this.#seeds.fileSystem);
      await this.#output.write(block * blockSize, bytes);
    }
    return attributes.size - known.length;
  }

  /** Stores a file's content. */
  async storeContent(inode: Inode, pieces: AsyncIterable<Piece>, size: number): Promise<void> {
    const extents = await storeContent(pieces, size, {
      allocator: this.#allocator,
      output: this.#output,
      misplaced: () => this.problem("has content that overlaps or lies beyond its size"),
    });
    inode.size = size;
    await this.#setExtents(inode, extents);
  }

  /** Stores a directory's blocks, or that of a link's target. */
  async storeBlocks(inode: Inode, blocks: readonly Buffer[]): Promise<void> {
    const extents = this.#take(blocks.length);
    for (const { logical, start, count } of extents) {
      for (let index = 0; index < count; index += 1) {
        const bytes = blocks[logical + index];
        if (bytes) await this.#output.write((start + index) * blockSize, bytes);
      }
    }
    inode.size = blocks.length * blockSize;
    await this.#setExtents(inode, extents);
  }

  /** Writes what describes the volume, and brings the file to stable storage. */
  async commit(): Promise<VolumeUsage> {
    const descriptors = await writeGroups({
      geometry: this.#geometry,
      layouts: this.#layouts,
      allocator: this.#allocator,
      inodes: this.#inodes,
      seeds: this.#seeds,
      output: this.#output,
      created: this.#options.epoch,
    });
    await this.#writeSuperblocks(descriptors);
    return {
      sha256: await this.#output.commit(),
      blocks: this.#geometry.blocks,
      usedBytes: (this.#initiallyFree - this.#allocator.freeBlocks) * blockSize,
      inodes: this.#inodes.used,
    };
  }

  /** Removes the file, unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output[Symbol.asyncDispose]();
  }

  /** Blocks for a file without holes. */
  #take(blocks: number): Extent[] {
    const extents: Extent[] = [];
    for (let at = 0; at < blocks; ) {
      const run = this.#allocator.allocate(blocks - at);
      appendRun(extents, at, run);
      at += run.count;
    }
    return extents;
  }

  async #setExtents(inode: Inode, extents: readonly Extent[]): Promise<void> {
    const tree = buildExtentTree(extents, this.seedOf(inode), () => this.#allocator.allocate(1).start);
    const nodes: Run[] = [];
    for (const { block, bytes } of tree.blocks) {
      await this.#output.write(block * blockSize, bytes);
      nodes.push({ start: block, count: 1 });
    }
    inode.extents = tree.root;
    inode.runs = nodes.length === 0 ? extents : [...extents, ...nodes];
    inode.flags |= inodeFlags.extents;
  }

  #dropAttributeBlock(inode: Inode): void {
    if (inode.attributeBlock === 0) return;
    this.#allocator.free({ start: inode.attributeBlock, count: 1 });
    inode.attributeBlock = 0;
  }

  async #makeResizeInode(): Promise<void> {
    if (this.#geometry.reservedBlocks === 0) return;
    const inode = this.#inodes.addAs(resizeInode, "file", this.#ownAttributes());
    const { content, size, runs, blocks } = buildResizeReserve(
      this.#geometry,
      this.#allocator.allocate(1).start,
    );
    Object.assign(inode, { content, size, runs });
    for (const { block, bytes } of blocks) await this.#output.write(block * blockSize, bytes);
  }

  async #makeJournal(): Promise<void> {
    const count = blocksFor(this.#options.journalBytes);
    if (count === 0) return;
    assert(count >= minJournalBlocks, "size of the journal");
    const inode = this.#inodes.addAs(journalInode, "file", this.#ownAttributes());
    const extents = this.#take(count);
    inode.size = count * blockSize;
    await this.#setExtents(inode, extents);
    const first = extents[0]?.start ?? 0;
    await this.#output.write(first * blockSize, encodeJournalSuperblock(count, this.#options.uuid));
    this.#journal = inode;
  }

  #ownAttributes(): Attributes {
    return { mode: 0o600, uid: 0, gid: 0, modified: this.#options.epoch };
  }

  async #writeSuperblocks(descriptors: Buffer): Promise<void> {
    const fields: SuperblockFields = {
      geometry: this.#geometry,
      label: this.#options.label,
      uuid: this.#options.uuid,
      hashSeed: this.#options.hashSeed,
      freeBlocks: this.#allocator.freeBlocks,
      freeInodes: this.#inodes.total - this.#inodes.used,
      created: this.#options.epoch.seconds,
      journal: this.#journal,
    };
    const first = Buffer.alloc(blockSize);
    encodeSuperblock(fields, 0).copy(first, superblockOffset);
    await this.#output.write(0, Buffer.concat([first, descriptors]));
    for (const group of backupGroups(this.#geometry)) {
      const copy = Buffer.alloc(blockSize);
      encodeSuperblock(fields, group).copy(copy, 0, 0, superblockBytes);
      await this.#output.write(group * blocksPerGroup * blockSize, Buffer.concat([copy, descriptors]));
    }
  }
}
