import { splitPath } from "../path.ts";
import type { StoredMember, TarEntry } from "../tar/entry.ts";
import { readTar } from "../tar/read.ts";
import { type TarInput, writeTar } from "../tar/write.ts";

/**
 * An archive of unknown origin, taken apart and written anew: what comes out is well-formed, within limits, and has no path
 * that leads out of where it is unpacked, whatever went in. `onEntry` hears of every member.
 *
 * @throws archive_invalid, archive_truncated, archive_too_large, archive_path_unsafe, archive_entry_unwritable, and what the
 * source throws
 */
export function checkedTar(
  source: AsyncIterable<Uint8Array>,
  onEntry: (entry: TarEntry) => void = () => undefined,
): AsyncGenerator<Buffer, void, void> {
  return writeTar(inputs(source, onEntry));
}

async function* inputs(
  source: AsyncIterable<Uint8Array>,
  onEntry: (entry: TarEntry) => void,
): AsyncGenerator<TarInput, void, void> {
  for await (const member of readTar(source)) {
    const path = joined(member.path);
    onEntry(member);
    // A link inside the archive names a member; a symbolic one may say anything, nothing follows it.
    const link = member.type === "hardlink" && member.link ? joined(member.link) : member.link;
    const input = link ? { ...member, path, link } : { ...member, path };
    yield isSparse(member)
      ? { ...input, data: member.ranges.filter(({ length }) => length > 0), content: dataOf(member) }
      : input;
  }
}

/** A "." in front stays: it stands for the directory whose content is meant. */
function joined(path: Buffer): Buffer {
  const found = splitPath(path, { absolute: "strip" });
  const components = found.length === 0 || path[0] === dot[0] ? inDot(path, found) : found;
  return Buffer.concat(components.flatMap((name, i) => (i === 0 ? [name] : [slash, name])));
}

function isSparse({ type, ranges, size }: StoredMember): boolean {
  const [first] = ranges;
  return type === "file" && !(ranges.length === 1 && first?.offset === 0 && first.length === size);
}

async function* dataOf(member: StoredMember): AsyncGenerator<Buffer, void, void> {
  for await (const { data } of member.extents) yield data;
}

function inDot(path: Buffer, components: Buffer[]): Buffer[] {
  const begins = path.length === 1 || path[1] === slash[0] || components.length === 0;
  return begins ? [dot, ...components] : components;
}

const dot = Buffer.from(".");
const slash = Buffer.from("/");
