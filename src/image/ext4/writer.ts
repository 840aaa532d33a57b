import assert from "node:assert/strict";
import { splitPath } from "../../archive/path.ts";
import type { TarEntry } from "../../archive/tar/entry.ts";
import { formatSize } from "../../lib/size.ts";
import type { Piece } from "./content.ts";
import { buildDirectory } from "./directory.ts";
import {
  blockSize,
  type InodeType,
  inodeFlags,
  lostAndFoundInode,
  maxFileBlocks,
  maxLinks,
  maxTargetBytes,
  rootInode,
} from "./format.ts";
import { type Attributes, encodeDevice, type Inode } from "./inode.ts";
import { Directory, directoriesOf, follow, type Leaf, type Node, pathOf, walk } from "./tree.ts";
import { Volume, type VolumeOptions, type VolumeUsage } from "./volume.ts";

export interface Ext4Options extends VolumeOptions {
  /** Bytes of names and link targets, which are held in memory. Default 64 MiB; a distribution has a few. */
  maxNameBytes?: number;
}

export interface Ext4Summary extends VolumeUsage {
  /** Entries that were added, replaced ones included. */
  entries: number;
  /** Extended attributes left out because Linux has no such name space. */
  skippedAttributes: number;
}

/** A place in the tree for a name. */
interface Place {
  parent: Directory;
  name: string;
}

/** Link targets up to here are kept in the inode itself. */
const maxInlineTarget = 59;
/** Device numbers have 12 and 20 bits (MKDEV, kdev_t.h). */
const deviceLimits = { major: 2 ** 12, minor: 2 ** 20 };
/** The last of 32 bits means "no such user" to chown(2). */
const ownerLimit = 2 ** 32 - 1;
const defaultMaxNameBytes = 64 * 2 ** 20;

/**
 * Starts an ext4 image. The file is made here, and removed again unless `finish` succeeds.
 *
 * @throws root_filesystem_invalid when not even an empty file system fits; no_space, directory_not_writable,
 * interrupted
 */
export async function writeExt4(options: Ext4Options): Promise<Ext4Writer> {
  return new Ext4Writer(await Volume.create(options), options.maxNameBytes ?? defaultMaxNameBytes);
}

/**
 * A file system made in one pass over an archive, as unpacking the archive would have made it. Contents go to the
 * image as they come; names and inodes stay in memory until the end. The same entries give the same bytes.
 */
export class Ext4Writer implements AsyncDisposable {
  readonly #volume: Volume;
  readonly #root: Directory;
  readonly #lostAndFound: Directory;
  readonly #maxNameBytes: number;
  #nameBytes = 0;
  #entries = 0;
  #skippedAttributes = 0;
  #state: "ready" | "working" | "over" = "ready";

  constructor(volume: Volume, maxNameBytes: number) {
    this.#volume = volume;
    this.#maxNameBytes = maxNameBytes;
    const own = { uid: 0, gid: 0, modified: volume.epoch };
    this.#root = new Directory("", volume.addReservedInode(rootInode, "directory", { ...own, mode: 0o755 }));
    const lostAndFound = volume.addReservedInode(lostAndFoundInode, "directory", { ...own, mode: 0o700 });
    this.#lostAndFound = new Directory("lost+found", lostAndFound, this.#root);
    this.#insert({ parent: this.#root, name: this.#lostAndFound.name }, this.#lostAndFound);
    this.#root.inode.links += 1;
  }

  /**
   * Adds an entry, as unpacking it would: missing parents are made; what has the same path is replaced, except that a
   * directory stays and takes the new attributes. Calls must not overlap; after an error there is only `abort`.
   *
   * @param pieces a file's content; what they leave out is a hole
   * @throws root_filesystem_invalid, archive_path_unsafe, no_space, interrupted, and what `pieces` throws
   */
  async add(entry: TarEntry, pieces: AsyncIterable<Piece> = none()): Promise<void> {
    await this.#exclusively(async () => {
      this.#volume.entry = entry.path;
      const components = split(entry.path);
      this.#entries += 1;
      if (components.length === 0) return await this.#changeRoot(entry);
      const place = this.#placeOf(components);
      if (entry.type === "hardlink") return this.#addLink(place, entry);
      const attributes = this.#checkAttributes(entry);
      if (entry.type === "directory") return await this.#addDirectory(place, entry, attributes);
      this.#clear(place);
      const node = await this.#makeLeaf(entry, attributes, pieces);
      this.#insert(place, node);
    });
  }

  /** Removes what has this path, with everything in it; nothing happens when there is no such thing. */
  async remove(path: Buffer): Promise<void> {
    await this.#exclusively(async () => {
      this.#volume.entry = path;
      const components = split(path);
      const name = components.pop();
      const parent = walk(this.#root, components, () => undefined);
      if (name !== undefined && parent instanceof Directory) this.#clear({ parent, name });
    });
  }

  /** Removes what is in a directory, and leaves the directory; nothing happens when there is no such thing. */
  async empty(path: Buffer): Promise<void> {
    await this.#exclusively(async () => {
      this.#volume.entry = path;
      const parent = walk(this.#root, split(path), () => undefined);
      if (!(parent instanceof Directory)) return;
      for (const [name, node] of [...parent.children]) {
        if (node !== this.#lostAndFound) this.#clear({ parent, name });
      }
    });
  }

  /**
   * The file that a path leads to, links followed as in a chroot; undefined when it leads to a directory or nowhere.
   *
   * @returns its own name in the end, and its 12 bits of mode
   */
  find(path: Buffer): { name: string; type: InodeType; mode: number } | undefined {
    const found = follow(this.#root, split(path));
    return found && { name: found.name, type: found.leaf.inode.type, mode: found.leaf.inode.mode };
  }

  /** Writes the directories and all metadata; the image is complete and on stable storage when this resolves. */
  async finish(): Promise<Ext4Summary> {
    return await this.#exclusively(async () => {
      for (const directory of directoriesOf(this.#root)) await this.#writeDirectory(directory);
      const usage = await this.#volume.commit();
      return { ...usage, entries: this.#entries, skippedAttributes: this.#skippedAttributes };
    }, "over");
  }

  /** Gives up: the file is removed. After `finish` has succeeded, nothing happens. */
  async abort(): Promise<void> {
    this.#state = "over";
    await this.#volume[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  async #exclusively<T>(work: () => Promise<T>, next: "ready" | "over" = "ready"): Promise<T> {
    assert(this.#state === "ready", `the writer is ${this.#state}`);
    this.#state = "working";
    const result = await work();
    this.#state = next;
    return result;
  }

  #placeOf(components: string[]): Place {
    const name = components.pop() ?? "";
    const parent = walk(this.#root, components, (at, missing) =>
      this.#makeDirectory({ parent: at, name: missing }),
    );
    if (!(parent instanceof Directory)) throw this.#volume.problem(parent.problem);
    return { parent, name };
  }

  #makeDirectory(place: Place, attributes?: Attributes): Directory {
    const made = attributes ?? { mode: 0o755, uid: 0, gid: 0, modified: this.#volume.epoch };
    const directory = new Directory(place.name, this.#volume.addInode("directory", made), place.parent);
    this.#insert(place, directory);
    place.parent.inode.links += 1;
    return directory;
  }

  #insert({ parent, name }: Place, node: Node): void {
    this.#account(name.length);
    parent.children.set(name, node);
  }

  #account(bytes: number): void {
    this.#nameBytes += bytes;
    if (this.#nameBytes <= this.#maxNameBytes) return;
    throw this.#volume.problem(`brings the names and link targets over ${formatSize(this.#maxNameBytes)}`);
  }

  async #changeRoot(entry: TarEntry): Promise<void> {
    if (entry.type !== "directory") throw this.#volume.problem("is the root, but not a directory");
    await this.#change(this.#root, entry, this.#checkAttributes(entry));
  }

  async #addDirectory(place: Place, entry: TarEntry, attributes: Attributes): Promise<void> {
    const present = place.parent.children.get(place.name);
    if (present instanceof Directory) return await this.#change(present, entry, attributes);
    this.#clear(place);
    await this.#change(this.#makeDirectory(place, attributes), entry, attributes);
  }

  async #change(directory: Directory, entry: TarEntry, attributes: Attributes): Promise<void> {
    Object.assign(directory.inode, attributes);
    this.#skippedAttributes += await this.#volume.setAttributes(directory.inode, entry.xattrs);
  }

  #addLink(place: Place, entry: TarEntry): void {
    const node = this.#linkTarget(entry);
    if (place.parent.children.get(place.name) === node) return;
    if (node.inode.links >= maxLinks) throw this.#volume.problem(`is one hard link more than ${maxLinks}`);
    node.inode.links += 1;
    this.#clear(place);
    this.#insert(place, node);
  }

  #linkTarget(entry: TarEntry): Leaf {
    const target = entry.link ?? Buffer.alloc(0);
    const components = split(target);
    const name = components.pop();
    const parent = walk(this.#root, components, () => undefined);
    const node = name === undefined ? this.#root : parent instanceof Directory && parent.children.get(name);
    if (node && !(node instanceof Directory)) return node;
    const what = node ? "a directory" : "not there";
    throw this.#volume.problem(`is a hard link to ${JSON.stringify(target.toString())}, which is ${what}`);
  }

  async #makeLeaf(entry: TarEntry, attributes: Attributes, pieces: AsyncIterable<Piece>): Promise<Leaf> {
    assert(entry.type !== "directory" && entry.type !== "hardlink");
    const inode = this.#volume.addInode(entry.type, attributes);
    this.#skippedAttributes += await this.#volume.setAttributes(inode, entry.xattrs);
    if (entry.type === "symlink") return { inode, target: await this.#storeTarget(inode, entry) };
    if (entry.type === "file") await this.#storeFile(inode, entry, pieces);
    if (entry.type === "character" || entry.type === "block") inode.content = this.#device(entry);
    return { inode, target: undefined };
  }

  async #storeFile(inode: Inode, entry: TarEntry, pieces: AsyncIterable<Piece>): Promise<void> {
    if (!inRange(entry.size, maxFileBlocks * blockSize + 1)) {
      throw this.#volume.problem(`has a size of ${entry.size} bytes, which ext4 cannot hold`);
    }
    await this.#volume.storeContent(inode, pieces, entry.size);
  }

  async #storeTarget(inode: Inode, entry: TarEntry): Promise<string> {
    const target = entry.link ?? Buffer.alloc(0);
    if (target.length === 0 || target.length > maxTargetBytes || target.includes(0)) {
      throw this.#volume.problem(
        `is a symbolic link whose target, of ${target.length} bytes, no link can have`,
      );
    }
    this.#account(target.length);
    const text = target.toString("latin1");
    if (target.length <= maxInlineTarget) inode.content = text;
    else await this.#volume.storeBlocks(inode, [Buffer.concat([target], blockSize)]);
    inode.size = target.length;
    return text;
  }

  #device(entry: TarEntry): string {
    const { major, minor } = entry.device ?? { major: 0, minor: 0 };
    if (!inRange(major, deviceLimits.major) || !inRange(minor, deviceLimits.minor)) {
      throw this.#volume.problem(`has the device number ${major}:${minor}, which Linux does not have`);
    }
    return encodeDevice(major, minor);
  }

  #checkAttributes({ mode, uid, gid, mtime }: TarEntry): Attributes {
    for (const [what, id] of [
      ["user", uid],
      ["group", gid],
    ] as const) {
      if (!inRange(id, ownerLimit))
        throw this.#volume.problem(`belongs to ${what} ${id}, which Linux does not have`);
    }
    return { mode: mode & 0o7777, uid, gid, modified: { ...mtime } };
  }

  /** Removes what is at a place, with everything in it. */
  #clear({ parent, name }: Place): void {
    const node = parent.children.get(name);
    if (!node) return;
    if (node === this.#lostAndFound) throw this.#volume.problem("is a directory that ext4 needs");
    parent.children.delete(name);
    if (node instanceof Directory) parent.inode.links -= 1;
    for (const ahead = [{ name, node }]; ; ) {
      const next = ahead.pop();
      if (!next) break;
      this.#release(next.name, next.node);
      if (next.node instanceof Directory) {
        for (const [childName, child] of next.node.children) ahead.push({ name: childName, node: child });
      }
    }
  }

  #release(name: string, node: Node): void {
    this.#nameBytes -= name.length;
    if (!(node instanceof Directory)) {
      node.inode.links -= 1;
      if (node.inode.links > 0) return;
      this.#nameBytes -= node.target?.length ?? 0;
    }
    this.#volume.release(node.inode);
  }

  async #writeDirectory(directory: Directory): Promise<void> {
    this.#volume.entry = pathOf(directory);
    const { inode } = directory;
    const entries = [...directory.children].map(([name, node]) => ({
      name,
      inode: node.inode.number,
      type: node.inode.type,
    }));
    const built = buildDirectory(entries, {
      self: inode.number,
      parent: directory.parent.inode.number,
      seed: this.#volume.seedOf(inode),
      hashSeed: this.#volume.hashSeed,
    });
    if (!built) throw this.#volume.problem(`has ${entries.length} entries, more than a directory can have`);
    if (built.indexed) inode.flags |= inodeFlags.index;
    await this.#volume.storeBlocks(inode, built.blocks);
  }
}

/** The components of a path, one character per byte. */
function split(path: Buffer): string[] {
  return splitPath(path, { absolute: "strip" }).map((component) => component.toString("latin1"));
}

function inRange(value: number, limit: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value < limit;
}

async function* none(): AsyncGenerator<Piece> {
  yield* [];
}
