import assert from "node:assert/strict";

/** One file of an initramfs. Everything belongs to root and has the time 0. */
export type CpioEntry = {
  /** Relative to the root, without "." or "..". */
  path: string;
  /** The 12 bits of chmod(2). */
  mode: number;
} & (
  | { type: "file"; content: Uint8Array }
  | { type: "directory" }
  | { type: "symlink"; target: string }
  | { type: "character" | "block"; device: { major: number; minor: number } }
);

/** Bits of st_mode, see inode(7). */
const typeBits: Record<CpioEntry["type"], number> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  character: 0o020000,
  block: 0o060000,
};

const empty = Buffer.alloc(0);

/**
 * Writes an archive that the kernel takes as initramfs (format newc, see the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst). Folders that an entry is in and that were not given
 * before it are made with mode 0755: the kernel silently drops files without them. The same entries always give the same
 * bytes, a multiple of 512 of them.
 */
export function* writeCpio(entries: Iterable<CpioEntry>): Generator<Buffer, void, void> {
  const written = new Set<string>();
  let size = 0;
  let inode = 0;
  for (const entry of entries) {
    for (const complete of [...missingParents(entry.path, written), entry]) {
      assert(!written.has(complete.path), `${complete.path} is twice in the archive`);
      written.add(complete.path);
      inode += 1;
      for (const piece of encode(complete, inode)) {
        size += piece.length;
        yield piece;
      }
    }
  }
  const trailer = header({ name: "TRAILER!!!", inode: 0, mode: 0, links: 1, size: 0 });
  size += trailer.length;
  yield Buffer.concat([trailer, Buffer.alloc((512 - (size % 512)) % 512)]);
}

function* missingParents(path: string, written: ReadonlySet<string>): Generator<CpioEntry, void, void> {
  const parts = path.split("/");
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== "..");
  assert(isPlain && !path.includes("\0"), `${JSON.stringify(path)} is not a plain relative path`);
  for (let count = 1; count < parts.length; count += 1) {
    const parent = parts.slice(0, count).join("/");
    if (!written.has(parent)) yield { path: parent, type: "directory", mode: 0o755 };
  }
}

function* encode(entry: CpioEntry, inode: number): Generator<Buffer, void, void> {
  const content = contentOf(entry);
  assert(content.length <= 0xffffffff, `${entry.path} is too large for the format`);
  yield header({
    name: entry.path,
    inode,
    mode: typeBits[entry.type] | (entry.mode & 0o7777),
    links: entry.type === "directory" ? 2 : 1,
    size: content.length,
    ...("device" in entry ? { device: entry.device } : {}),
  });
  if (content.length > 0) yield content;
  const padding = -content.length & 3;
  if (padding > 0) yield Buffer.alloc(padding);
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.type === "symlink") return Buffer.from(entry.target);
  if (entry.type !== "file") return empty;
  return Buffer.from(entry.content.buffer, entry.content.byteOffset, entry.content.byteLength);
}

/** Magic, 13 numbers of 8 hexadecimal digits, the name with a NUL, and padding to a multiple of 4. */
function header(fields: {
  name: string;
  inode: number;
  mode: number;
  links: number;
  size: number;
  device?: { major: number; minor: number };
}): Buffer {
  const name = Buffer.from(`${fields.name}\0`);
  const { major, minor } = fields.device ?? { major: 0, minor: 0 };
  const numbers = [
    fields.inode,
    fields.mode,
    0, // uid
    0, // gid
    fields.links,
    0, // mtime
    fields.size,
    0, // major and minor number of the device that the file was on
    0,
    major,
    minor,
    name.length,
    0, // checksum, of another format
  ];
  const digits = numbers.map((number) => number.toString(16).padStart(8, "0").toUpperCase()).join("");
  const head = Buffer.from(`070701${digits}`);
  const padding = Buffer.alloc(-(head.length + name.length) & 3);
  return Buffer.concat([head, name, padding]);
}
