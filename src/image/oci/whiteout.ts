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

const prefix = ".wh.";
const opaqueName = ".wh..wh..opq";
/** AUFS, where the names come from, kept its own files under such ones. */
const markPrefix = ".wh..wh.";

/** @throws archive_path_unsafe */
export function meaningOf(entryPath: Buffer): Meaning {
  const names = splitPath(entryPath, { absolute: "strip" }).map((name) => name.toString("latin1"));
  const path = names.join("/");
  const name = names.at(-1) ?? "";
  const folder = names.slice(0, -1);
  if (!name.startsWith(prefix)) return { kind: names.some(isMark) ? "mark" : "entry", path };
  if (name === opaqueName) return { kind: "opaque", path: folder.join("/") };
  const hidden = name.slice(prefix.length);
  if (isMark(name) || hidden === "" || hidden === "." || hidden === "..") return { kind: "mark", path };
  return { kind: "whiteout", path: [...folder, hidden].join("/") };
}

function isMark(name: string): boolean {
  return name.startsWith(markPrefix);
}
