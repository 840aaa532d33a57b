import type { TarRange } from "./sparse.ts";

export type TarEntryType = "file" | "directory" | "symlink" | "hardlink" | "fifo" | "character" | "block";

/** What an archive says of one file. Names are bytes: Linux has no encoding for them, and an archive may use any. */
export interface TarEntry {
  /** As in the archive, so possibly hostile (`splitPath`); a directory's trailing slash is removed. */
  path: Buffer;
  type: TarEntryType;
  /** The 12 bits of chmod(2). */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content, holes included; 0 for all but files. */
  size: number;
  /** Since the epoch; `seconds` may be negative, `nanoseconds` counts upwards from it (0 to 999,999,999). */
  mtime: { seconds: number; nanoseconds: number };
  /** Target of a symbolic link (any bytes), or of a hard link (path of an earlier entry). */
  link?: Buffer;
  /** Only of character and block devices. */
  device?: { major: number; minor: number };
  /** Full name (`security.capability`), one character per byte (latin1), to the exact value. */
  xattrs: ReadonlyMap<string, Buffer>;
}

/** A run of data in a file; what lies between runs, and after the last one, is a hole. */
export interface TarExtent {
  /** In the file, in bytes. Extents come in ascending order and do not overlap. */
  offset: number;
  data: Buffer;
}

/**
 * An entry with its content, of which the stream holds only the present piece: read it before asking for the next
 * member, or it is skipped. `content` and `extents` are two views of one stream; take one of them, once. The pieces may
 * be kept, as nothing overwrites them, but must not be written to.
 */
export interface TarMember extends TarEntry {
  /** All `size` bytes, holes as zeros. */
  content: AsyncIterable<Buffer>;
  /** The data without the holes; an extent of the archive may come in several pieces. */
  extents: AsyncIterable<TarExtent>;
}

/** A member as an archive has it. */
export interface StoredMember extends TarMember {
  /** Where it has data: one range, the whole file, unless the archive stores it sparse. */
  ranges: readonly TarRange[];
}
