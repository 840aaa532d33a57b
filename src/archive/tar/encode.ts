import { fault } from "../../lib/errors/error.ts";
import type { TarEntry, TarEntryType } from "./entry.ts";
import { blockSize, padded } from "./header.ts";
import { formatOctal } from "./number.ts";
import { formatPaxRecord, formatPaxTime } from "./pax.ts";
import type { TarRange } from "./sparse.ts";
import { xattrKeyword } from "./xattr.ts";

const flags: Record<TarEntryType, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** The fields of a block, as bytes or as numbers; what does not fit is left blank and said by a pax record instead. */
interface Fields {
  name: Buffer;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  flag: string;
  link: Buffer;
  device: { major: number; minor: number };
}

/**
 * The header blocks of an entry: ustar, with a pax header before it only if ustar cannot say everything. The same entry
 * always gives the same bytes.
 *
 * @param data where a sparse file has data (GNU's format 1.0); undefined to store a file whole
 * @throws archive_entry_unwritable
 */
export function encodeHeader(entry: TarEntry, data?: readonly TarRange[]): Buffer {
  checkEntry(entry);
  const map = data ? encodeMap(entry, data) : undefined;
  const name = entry.type === "directory" ? Buffer.concat([entry.path, Buffer.from("/")]) : entry.path;
  const fields: Fields = {
    name,
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.type === "file" ? (map?.stored ?? entry.size) : 0,
    mtime: entry.mtime.seconds,
    flag: flags[entry.type],
    link: entry.link ?? Buffer.alloc(0),
    device: entry.device ?? { major: 0, minor: 0 },
  };
  const records: Buffer[] = [];
  const say = (key: string, value: string | Buffer): void => {
    records.push(formatPaxRecord(key, Buffer.from(value as string)));
  };
  if (map) {
    say("GNU.sparse.major", "1");
    say("GNU.sparse.minor", "0");
    say("GNU.sparse.name", name);
    say("GNU.sparse.realsize", String(entry.size));
  } else if (!splitName(name)) {
    say("path", name);
  }
  if (fields.link.length > 100) say("linkpath", fields.link);
  if (!formatOctal(fields.uid, 8)) say("uid", String(fields.uid));
  if (!formatOctal(fields.gid, 8)) say("gid", String(fields.gid));
  if (!formatOctal(fields.size, 12)) say("size", String(fields.size));
  if (!formatOctal(fields.mtime, 12) || entry.mtime.nanoseconds !== 0)
    say("mtime", formatPaxTime(entry.mtime));
  for (const [key, value] of [...entry.xattrs].sort(byName)) say(xattrKeyword(key), value);

  const pax = records.length === 0 ? [] : encodePax(name, Buffer.concat(records));
  return Buffer.concat([...pax, encodeBlock(fields), ...(map ? [map.block] : [])]);
}

function encodePax(name: Buffer, records: Buffer): Buffer[] {
  const last = name.subarray(name.lastIndexOf("/", -2) + 1).subarray(0, 80);
  const block = encodeBlock({
    name: Buffer.concat([Buffer.from("PaxHeaders/"), last]),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: records.length,
    mtime: 0,
    flag: "x",
    link: Buffer.alloc(0),
    device: { major: 0, minor: 0 },
  });
  return [block, records, Buffer.alloc(padded(records.length) - records.length)];
}

function encodeBlock(fields: Fields): Buffer {
  const block = Buffer.alloc(blockSize);
  const { prefix, rest } = splitName(fields.name) ?? {
    prefix: Buffer.alloc(0),
    rest: fields.name.subarray(0, 100),
  };
  rest.copy(block, 0);
  put(block, 100, fields.mode, 8);
  put(block, 108, fields.uid, 8);
  put(block, 116, fields.gid, 8);
  put(block, 124, fields.size, 12);
  put(block, 136, fields.mtime, 12);
  block.fill(" ", 148, 156);
  block.write(fields.flag, 156, "latin1");
  fields.link.subarray(0, 100).copy(block, 157);
  block.write("ustar\x0000", 257, "latin1");
  put(block, 329, fields.device.major, 8);
  put(block, 337, fields.device.minor, 8);
  prefix.copy(block, 345);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function put(block: Buffer, start: number, value: number, length: number): void {
  block.write(formatOctal(value, length) ?? "0".repeat(length - 1), start, "latin1");
}

/** A name of over 100 bytes may be cut at a slash, which is not stored, with up to 155 bytes before it. */
function splitName(name: Buffer): { prefix: Buffer; rest: Buffer } | undefined {
  if (name.length <= 100) return { prefix: Buffer.alloc(0), rest: name };
  const cut = name.indexOf("/", Math.max(name.length - 101, 1));
  if (cut === -1 || cut > 155 || cut === name.length - 1) return undefined;
  return { prefix: name.subarray(0, cut), rest: name.subarray(cut + 1) };
}

/**
 * The map in front of a sparse file's content: decimal lines, padded to whole blocks. GNU tar starts every range at a new
 * block, bsdtar does not: only whole blocks mean the same to both. And a hole at the end needs an empty range for GNU.
 */
function encodeMap(entry: TarEntry, data: readonly TarRange[]): { block: Buffer; stored: number } {
  let end = 0;
  let sum = 0;
  const lines: string[] = [];
  for (const { offset, length } of data) {
    if (offset < end || length < 0) throw unwritable(entry, "its data ranges overlap");
    if (sum % blockSize !== 0) throw unwritable(entry, `a data range ends at byte ${end}, within a block`);
    end = offset + length;
    sum += length;
    lines.push(String(offset), String(length));
  }
  if (end > entry.size)
    throw unwritable(entry, `it has data at byte ${end}, beyond its size of ${entry.size}`);
  if (end < entry.size || data.length === 0) lines.push(String(entry.size), "0");
  const text = Buffer.from(`${[lines.length / 2, ...lines].join("\n")}\n`);
  const block = Buffer.concat([text, Buffer.alloc(padded(text.length) - text.length)]);
  return { block, stored: block.length + sum };
}

function checkEntry(entry: TarEntry): void {
  const { path, link, device, type } = entry;
  if (path.length === 0 || path.includes(0)) throw unwritable(entry, "its name is empty or has a NUL in it");
  if (path.at(-1) === slash) throw unwritable(entry, "its name ends in a slash");
  if ((type === "symlink" || type === "hardlink") && (!link?.length || link.includes(0))) {
    throw unwritable(entry, "its link target is empty or has a NUL in it");
  }
  const biggest = Math.max(device?.major ?? 0, device?.minor ?? 0);
  if (!formatOctal(biggest, 8)) throw unwritable(entry, `its device number has ${biggest} in it`);
}

export function unwritable(entry: TarEntry, problem: string): Error {
  return fault("archive_entry_unwritable", { path: entry.path.toString(), problem });
}

const slash = 0x2f;

function byName([a]: [string, Buffer], [b]: [string, Buffer]): number {
  return a < b ? -1 : 1;
}
