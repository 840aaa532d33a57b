import { malformed } from "./malformed.ts";
import { parseNumber } from "./number.ts";

export const blockSize = 512;

/** A header block as it stands; extended headers may overrule much of it. Offsets below are those of POSIX ustar. */
export interface TarHeader {
  name: Buffer;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes that follow the header, before padding, if the type has any. */
  size: number;
  mtime: number;
  /** The type flag as a character; NUL is "0", as before POSIX. */
  flag: string;
  link: Buffer;
  /** Only the devices' headers have meaningful numbers here. */
  device: { major: number; minor: number } | undefined;
}

/**
 * Reads a header block of any of the v7, ustar and GNU formats.
 *
 * @returns undefined for a block of zeros, which is half of the end marker
 * @throws archive_invalid
 */
export function parseHeader(block: Buffer, at: number): TarHeader | undefined {
  if (!hasChecksum(block, at)) return undefined;
  const flag = String.fromCharCode(block[156] || 0x30);
  const isDevice = flag === "3" || flag === "4";
  return {
    name: fullName(block),
    mode: parseNumber(block, 100, 8, "mode", at) & 0o7777,
    uid: parseNumber(block, 108, 8, "uid", at),
    gid: parseNumber(block, 116, 8, "gid", at),
    size: parseNumber(block, 124, 12, "size", at),
    mtime: parseNumber(block, 136, 12, "mtime", at),
    flag,
    link: text(block, 157, 100),
    device: isDevice
      ? {
          major: parseNumber(block, 329, 8, "devmajor", at),
          minor: parseNumber(block, 337, 8, "devminor", at),
        }
      : undefined,
  };
}

/** Rounds up to whole blocks. */
export function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

/** The sum of all bytes, those of the checksum itself taken as spaces; some old makers summed signed bytes. */
function hasChecksum(block: Buffer, at: number): boolean {
  let sum = 0;
  for (let i = 0; i < blockSize; i += 1) sum += block[i] as number;
  if (sum === 0) return false;
  for (let i = 148; i < 156; i += 1) sum += 0x20 - (block[i] as number);
  const stored = parseNumber(block, 148, 8, "checksum", at);
  if (stored !== sum && stored !== signedSum(block)) {
    throw malformed(at, `the header's checksum is ${stored}, expected ${sum}`);
  }
  return true;
}

function signedSum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < blockSize; i += 1) if (i < 148 || i >= 156) sum += block.readInt8(i);
  return sum;
}

/** GNU's format ("ustar  ") has other things where POSIX ("ustar", NUL) keeps the beginning of a long name. */
function fullName(block: Buffer): Buffer {
  const name = text(block, 0, 100);
  const hasPrefix = block[345] !== 0 && block.toString("latin1", 257, 263) === "ustar\0";
  if (!hasPrefix) return name;
  return Buffer.concat([text(block, 345, 155), Buffer.from("/"), name]);
}

/** A copy: a view would keep the whole chunk of the archive in memory as long as the entry is known. */
function text(block: Buffer, start: number, length: number): Buffer {
  const nul = block.indexOf(0, start);
  const end = nul === -1 ? start + length : Math.min(nul, start + length);
  return Buffer.from(block.subarray(start, end));
}
