import type { Inode } from "./inode.ts";

/** A file that is not a directory; hard links are several names of one such object. */
export interface Leaf {
  readonly inode: Inode;
  /** Of a symbolic link: its target, one character per byte. */
  readonly target: string | undefined;
}

export class Directory {
  /** One character per byte; empty for the root. */
  readonly name: string;
  readonly inode: Inode;
  /** The root's parent is the root. */
  readonly parent: Directory;
  /** By name, one character per byte. */
  readonly children = new Map<string, Node>();

  constructor(name: string, inode: Inode, parent?: Directory) {
    this.name = name;
    this.inode = inode;
    this.parent = parent ?? this;
  }
}

export type Node = Directory | Leaf;

/** Why a path leads nowhere, to be read after the path. */
export interface Obstacle {
  problem: string;
}

/** The kernel's limit for one path (MAXSYMLINKS, namei.h). */
const maxLinksFollowed = 40;

/**
 * The directory that a path of directories leads to. Symbolic links on the way are followed as in a chroot: an absolute
 * target starts at `root`, and ".." of the root is the root, so no path leads out of it.
 *
 * @param missing is asked for a directory that is not there; undefined says that it stays missing
 */
export function walk(
  root: Directory,
  components: readonly string[],
  missing: (parent: Directory, name: string) => Directory | undefined,
): Directory | Obstacle {
  const ahead = components.toReversed();
  let at = root;
  let followed = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = at.parent;
      continue;
    }
    const child = at.children.get(name) ?? missing(at, name);
    if (!child) return { problem: "is in a directory that is not there" };
    if (child instanceof Directory) {
      at = child;
      continue;
    }
    if (child.target === undefined) return { problem: "is inside something that is not a directory" };
    followed += 1;
    if (followed > maxLinksFollowed) return { problem: "leads through too many symbolic links" };
    if (child.target.startsWith("/")) at = root;
    ahead.push(...child.target.split("/").reverse());
  }
  return at;
}

/**
 * What a path leads to in the end, links followed as by `walk`, unless that is a directory or nothing. `name` is its own, one
 * character per byte.
 */
export function follow(root: Directory, path: readonly string[]): { name: string; leaf: Leaf } | undefined {
  let components = [...path];
  for (let followed = 0; followed <= maxLinksFollowed; followed += 1) {
    const name = components.pop();
    const parent = walk(root, components, () => undefined);
    const node = name === undefined || !(parent instanceof Directory) ? undefined : parent.children.get(name);
    if (name === undefined || !node || node instanceof Directory || !(parent instanceof Directory))
      return undefined;
    if (node.target === undefined) return { name, leaf: node };
    const from = node.target.startsWith("/") ? [] : namesOf(parent);
    components = [...from, ...node.target.split("/")];
  }
  return undefined;
}

/** Every directory, each before those in it, in the order in which they were added. */
export function* directoriesOf(root: Directory): Generator<Directory> {
  const ahead = [root];
  for (let at = ahead.pop(); at; at = ahead.pop()) {
    yield at;
    for (const child of [...at.children.values()].reverse())
      if (child instanceof Directory) ahead.push(child);
  }
}

/** The path of a directory as a person reads it. */
export function pathOf(directory: Directory): string {
  return Buffer.from(`/${namesOf(directory).join("/")}`, "latin1").toString("utf8");
}

function namesOf(directory: Directory): string[] {
  const names: string[] = [];
  for (let at = directory; at.parent !== at; at = at.parent) names.unshift(at.name);
  return names;
}
