import type { FileHandle } from "node:fs/promises";
import { decompress } from "../../archive/compression/decompress.ts";
import { formatOf } from "../../archive/compression/detect.ts";
import { lz4Magic, unlz4 } from "../../archive/compression/lz4.ts";

/** What the header of a bzImage says (Documentation/arch/x86/boot.rst of the kernel). */
export interface BzImage {
  /** "6.1.0-9-amd64 (user@host) #1 SMP …" */
  version: string;
  /** Where the compressed kernel is in the file; absent before version 2.08 of the protocol. */
  payload?: { offset: number; length: number };
}

const headerSize = 0x268;
const sector = 512;
/** Bytes of the version's text that are looked at. */
const versionLimit = 256;
/** First bytes of what the kernel's build can compress with and is not looked into here. */
const otherCompressions: readonly [name: string, magic: string][] = [
  ["lzma", "5d0000"],
  ["bzip2", "425a68"],
  ["lzo", "894c5a4f"],
];

/** @returns undefined when the file is something else */
export async function readBzImage(file: FileHandle): Promise<BzImage | undefined> {
  const { size } = await file.stat();
  const header = await readAt(file, 0, headerSize);
  if (header.length < headerSize || header.toString("latin1", 0x202, 0x206) !== "HdrS") return undefined;
  const text = (await readAt(file, header.readUInt16LE(0x20e) + 0x200, versionLimit)).toString("latin1");
  const version = /^[\x20-\x7e]+/.exec(text)?.[0] ?? "";
  if (header.readUInt16LE(0x206) < 0x208) return { version };
  const start = ((header[0x1f1] || 4) + 1) * sector;
  const offset = start + header.readUInt32LE(0x248);
  const length = header.readUInt32LE(0x24c);
  if (length < 8 || offset + length > size) return { version };
  return { version, payload: { offset, length } };
}

/** The kernel inside, an ELF image; or with what it is compressed, when that is not known here. */
export async function unpackBzImage(
  file: FileHandle,
  payload: { offset: number; length: number },
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | string> {
  const magic = await readAt(file, payload.offset, 6);
  // All but gzip are followed by the size of what they hold, in four bytes.
  const rest = payload.length - 4;
  if (magic.subarray(0, lz4Magic.length).equals(lz4Magic))
    return unlz4(readRange(file, payload.offset, rest));
  const format = formatOf(magic);
  if (format === "none") {
    const digits = magic.toString("hex");
    const [known = "an unknown program"] =
      otherCompressions.find(([, start]) => digits.startsWith(start)) ?? [];
    return known;
  }
  const length = format === "gzip" ? payload.length : rest;
  return decompress(readRange(file, payload.offset, length), format, { signal });
}

async function* readRange(file: FileHandle, offset: number, length: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; ) {
    const piece = await readAt(file, offset + done, Math.min(length - done, 256 * 1024));
    if (piece.length === 0) return;
    done += piece.length;
    yield piece;
  }
}

export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
