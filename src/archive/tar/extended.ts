import type { ByteReader } from "../bytes.ts";
import { padded, type TarHeader } from "./header.ts";
import { enforce, type TarLimits } from "./limits.ts";
import { malformed, truncated } from "./malformed.ts";
import { type PaxRecords, parsePax } from "./pax.ts";

/** What the headers in front of an entry's own say of it. */
export interface Extended {
  /** Of the "g" headers so far: for all entries that follow. */
  global: PaxRecords;
  /** Bytes of those headers. */
  globalBytes: number;
  /** Of the "x" header. */
  local: PaxRecords;
  /** Of GNU's "L" and "K". */
  longName: Buffer | undefined;
  longLink: Buffer | undefined;
}

export function nothingExtended(): Extended {
  return { global: new Map(), globalBytes: 0, local: new Map(), longName: undefined, longLink: undefined };
}

/** Forgets what was said of one entry only. */
export function nextEntry(extended: Extended): void {
  if (extended.local.size > 0) extended.local = new Map();
  extended.longName = undefined;
  extended.longLink = undefined;
}

export function isPending({ local, longName, longLink }: Extended): boolean {
  return local.size > 0 || longName !== undefined || longLink !== undefined;
}

/**
 * Reads the content of a header that says something of the entries after it, and keeps it.
 *
 * @returns false if the header is one of an entry, of which nothing was read then
 * @throws archive_invalid, archive_truncated, archive_too_large
 */
export async function readExtended(
  bytes: ByteReader,
  header: TarHeader,
  extended: Extended,
  limits: TarLimits,
  at: number,
): Promise<boolean> {
  if (!"xgLKV".includes(header.flag)) return false;
  const data = await readData(bytes, header, limits, at);
  switch (header.flag) {
    case "x":
      for (const [key, value] of parsePax(data, at)) extended.local.set(key, value);
      break;
    case "g":
      extended.globalBytes += data.length;
      enforce(limits, "globalBytes", extended.globalBytes);
      for (const [key, value] of parsePax(data, at)) extended.global.set(key, value);
      break;
    case "L":
      extended.longName = untilNul(data);
      break;
    case "K":
      extended.longLink = untilNul(data);
      break;
    default:
      // "V", the label of the volume, which is of no use to anybody here.
      break;
  }
  return true;
}

async function readData(
  bytes: ByteReader,
  { size }: TarHeader,
  limits: TarLimits,
  at: number,
): Promise<Buffer> {
  if (size < 0) throw malformed(at, `the size is ${size}`);
  enforce(limits, "headerBytes", size);
  const data = bytes.take(padded(size)) ?? (await bytes.read(padded(size)));
  if (data.length < padded(size)) throw truncated(bytes.offset, "in an extended header");
  return data.subarray(0, size);
}

function untilNul(data: Buffer): Buffer {
  const nul = data.indexOf(0);
  return Buffer.from(nul === -1 ? data : data.subarray(0, nul));
}
