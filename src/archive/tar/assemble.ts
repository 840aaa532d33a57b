import { show } from "../../lib/errors/define.ts";
import type { TarEntry, TarEntryType } from "./entry.ts";
import type { Extended } from "./extended.ts";
import type { TarHeader } from "./header.ts";
import { enforce, type TarLimits } from "./limits.ts";
import { malformed } from "./malformed.ts";
import { parseDecimal, parsePaxTime } from "./pax.ts";
import { xattrsOf } from "./xattr.ts";

/** An entry, and how many bytes follow its header; of a sparse file `size` is not known yet. */
export interface Assembled {
  entry: TarEntry;
  stored: number;
}

const types: Partial<Record<string, TarEntryType>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  // Contiguous files are plain files to everybody; S are GNU's sparse files, D its directories with a list of names.
  "7": "file",
  S: "file",
  D: "directory",
};

/** Types that POSIX gives no content, whatever their size says; old makers put the target's size into hard links. */
const headerOnly = new Set(["1", "2", "3", "4", "5", "6"]);

const slash = 0x2f;
const noXattrs: ReadonlyMap<string, Buffer> = new Map();

/**
 * Puts an entry together from its header and the extended ones.
 *
 * @throws archive_invalid, archive_too_large
 */
export function assemble(header: TarHeader, extended: Extended, limits: TarLimits, at: number): Assembled {
  const record = (key: string): Buffer | undefined => {
    const value = extended.local.get(key) ?? extended.global.get(key);
    return value?.length ? value : undefined;
  };
  const number = (key: string, otherwise: number): number => {
    const value = record(key);
    return value ? parseDecimal(value.toString("latin1"), key, at) : otherwise;
  };
  const given = extended.local.get("GNU.sparse.name") ?? record("path") ?? extended.longName ?? header.name;
  const endsInSlash = given.at(-1) === slash;
  const type = header.flag === "0" && endsInSlash ? "directory" : types[header.flag];
  if (!type)
    throw malformed(at, `the entry ${show(given.toString())} has the unknown type ${show(header.flag)}`);

  const size = number("size", header.size);
  if (size < 0) throw malformed(at, `the size is ${size}`);
  const mtime = record("mtime");
  const entry: TarEntry = {
    path: checkName(type === "directory" ? withoutTrailingSlashes(given) : given, "name", limits, at),
    type,
    mode: header.mode,
    uid: checkId(number("uid", header.uid), "uid", at),
    gid: checkId(number("gid", header.gid), "gid", at),
    size: type === "file" ? size : 0,
    mtime: mtime ? parsePaxTime(mtime.toString("latin1"), at) : { seconds: header.mtime, nanoseconds: 0 },
    xattrs:
      extended.local.size + extended.global.size > 0 ? xattrsOf(extended.global, extended.local) : noXattrs,
  };
  if (type === "symlink" || type === "hardlink") {
    const link = record("linkpath") ?? extended.longLink ?? header.link;
    entry.link = checkName(link, "link target", limits, at);
  }
  if (header.device) entry.device = checkDevice(header.device, at);
  return { entry, stored: headerOnly.has(header.flag) ? 0 : size };
}

function withoutTrailingSlashes(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === slash) end -= 1;
  return path.subarray(0, end);
}

function checkName(name: Buffer, what: string, limits: TarLimits, at: number): Buffer {
  if (name.length === 0) throw malformed(at, `an entry has no ${what}`);
  enforce(limits, "pathBytes", name.length);
  if (name.includes(0)) throw malformed(at, `the ${what} ${show(name.toString())} has a NUL in it`);
  return name;
}

/** The last 32-bit number is chown(2)'s "leave it as it is". */
function checkId(id: number, what: string, at: number): number {
  if (id < 0 || id >= 0xffffffff) throw malformed(at, `the ${what} is ${id}`);
  return id;
}

/** Linux has 12 bits for the major and 20 for the minor number. */
function checkDevice(device: { major: number; minor: number }, at: number): { major: number; minor: number } {
  const { major, minor } = device;
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
    throw malformed(at, `the device number is ${major}:${minor}`);
  }
  return device;
}
