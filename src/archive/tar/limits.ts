import { fault } from "../../lib/errors/error.ts";

/** What an archive may make its reader go through. */
export interface TarLimits {
  /** Number of files, directories and so on. */
  entries: number;
  /** Bytes of one path or link target. */
  pathBytes: number;
  /** Bytes of one extended header or one sparse map. */
  headerBytes: number;
  /** Bytes of all global headers together; every entry after them costs time for what they hold. */
  globalBytes: number;
  /** Bytes of all contents together, holes included. */
  contentBytes: number;
  /** Bytes of the archive itself. */
  archiveBytes: number;
}

/** PATH_MAX is 4096 bytes, but relative calls make longer paths; 64 KiB of xattrs per file is Linux's own limit. */
export const defaultTarLimits: TarLimits = {
  entries: 16_000_000,
  pathBytes: 16 * 1024,
  headerBytes: 1024 * 1024,
  globalBytes: 64 * 1024,
  contentBytes: 2 ** 40,
  archiveBytes: 2 ** 40,
};

const described: { [Key in keyof TarLimits]: readonly [what: string, unit: string] } = {
  entries: ["a number of entries", "entries"],
  pathBytes: ["a path", "bytes"],
  headerBytes: ["a header", "bytes"],
  globalBytes: ["global headers", "bytes"],
  contentBytes: ["content", "bytes"],
  archiveBytes: ["a length", "bytes"],
};

/** @throws archive_too_large */
export function enforce(limits: TarLimits, key: keyof TarLimits, value: number): void {
  if (value <= limits[key]) return;
  const [what, unit] = described[key];
  throw fault("archive_too_large", { format: "tar", what, limit: limits[key], unit });
}
