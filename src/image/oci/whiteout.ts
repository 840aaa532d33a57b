import { splitPath } from "../../archive/path.ts";

/**
 * What an entry of a layer means (image-spec, layer.md): a file to add; the removal of one that lower layers have; the removal
 * of all that they have in a directory; or a mark of a tool's own. Paths are without leading, doubled and single-dot parts,
 * one character per byte; the root is empty.
 */
export interface Meaning {
  kind: "entry" | "whiteout" | "opaque" | "mark";
  path: string;
}

const slash = 0x2f;
const prefix = ".wh.";
const opaqueName = ".wh..wh..opq";
/** AUFS, where the names come from, kept its own files under such ones. */
const markPrefix = ".wh..wh.";

/** @throws archive_path_unsafe */
export function meaningOf(entryPath: Buffer): Meaning {
  const hidden = hiddenBy(entryPath);
  if (hidden) return { kind: "whiteout", path: namesOf(hidden).join("/") };
  const names = namesOf(entryPath);
  const path = names.join("/");
  if (names.at(-1) === opaqueName) return { kind: "opaque", path: names.slice(0, -1).join("/") };
  // A whiteout of nothing that can be named.
  const isNothing = names.at(-1)?.startsWith(prefix) ?? false;
  return { kind: isNothing || names.some(isMark) ? "mark" : "entry", path };
}

/**
 * The path that a whiteout takes away. Taken off before the names are looked at: that of the whiteout may have four bytes more
 * than a name can, as those who make layers from overlays never have it on a disk.
 */
function hiddenBy(path: Buffer): Buffer | undefined {
  const start = path.lastIndexOf(slash) + 1;
  const name = path.toString("latin1", start);
  const hidden = name.slice(prefix.length);
  if (!name.startsWith(prefix) || isMark(name) || ["", ".", ".."].includes(hidden)) return undefined;
  return Buffer.concat([path.subarray(0, start), Buffer.from(hidden, "latin1")]);
}

function namesOf(path: Buffer): string[] {
  return splitPath(path, { absolute: "strip" }).map((name) => name.toString("latin1"));
}

function isMark(name: string): boolean {
  return name.startsWith(markPrefix);
}
