import { fault } from "../lib/errors/error.ts";

export interface SplitOptions {
  /** What to do with a leading slash: `refuse` (default), or `strip` it, as GNU tar and Docker do. */
  absolute?: "refuse" | "strip";
}

/** NAME_MAX of Linux's file systems, in bytes. */
const nameLimit = 255;

/**
 * The components of a path in an archive, without "." and empty ones; none for the root itself. A path that would lead
 * out of the folder it is unpacked in is refused, also if it came back into it ("a/../../b").
 *
 * @throws archive_path_unsafe
 */
export function splitPath(path: Buffer, options: SplitOptions = {}): Buffer[] {
  if (path[0] === slash && options.absolute !== "strip") throw unsafe(path, "is absolute");
  if (path.includes(0)) throw unsafe(path, "has a NUL in it");
  const components: Buffer[] = [];
  for (let start = 0; start < path.length; ) {
    const next = path.indexOf(slash, start);
    const end = next === -1 ? path.length : next;
    const component = path.subarray(start, end);
    start = end + 1;
    if (component.length === 0 || (component.length === 1 && component[0] === dot)) continue;
    if (component.length === 2 && component[0] === dot && component[1] === dot) {
      throw unsafe(path, 'has ".." in it');
    }
    if (component.length > nameLimit) throw unsafe(path, `has a name of ${component.length} bytes in it`);
    components.push(component);
  }
  return components;
}

const slash = 0x2f;
const dot = 0x2e;

function unsafe(path: Buffer, problem: string): Error {
  return fault("archive_path_unsafe", { path: path.toString(), problem });
}
