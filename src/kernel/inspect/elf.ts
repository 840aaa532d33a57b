import type { FileHandle } from "node:fs/promises";
import { readAt } from "./bzimage.ts";

export interface KernelElf {
  /** Why it is no kernel of this architecture, if it is none. */
  problem?: string;
  /** Whether it says where a virtual machine monitor enters it without a boot loader (PVH). */
  hasPvhEntry: boolean;
}

const headerSize = 64;
const programHeaderSize = 56;
/** Field e_machine of x86-64; e_type of an executable, and of one that can be anywhere (elf(5)). */
const x86 = 62;
const executables = [2, 3];
const noteSegment = 4;
/** Type of the note that holds the entry (include/xen/interface/elfnote.h of the kernel: XEN_ELFNOTE_PHYS32_ENTRY). */
const pvhEntry = 18;
const segmentLimit = 128;
const noteLimit = 1024 * 1024;

/** @returns undefined when the file is no ELF image */
export async function readElf(file: FileHandle): Promise<KernelElf | undefined> {
  const header = await readAt(file, 0, headerSize);
  if (header.length < headerSize || header.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  const problem = problemOf(header);
  if (problem) return { problem, hasPvhEntry: false };
  const table = header.readBigUInt64LE(0x20);
  const count = Math.min(header.readUInt16LE(0x38), segmentLimit);
  const { size } = await file.stat();
  if (table > BigInt(size)) return { problem: "its program headers lie beyond its end", hasPvhEntry: false };
  const headers = await readAt(file, Number(table), count * programHeaderSize);
  for (let at = 0; at + programHeaderSize <= headers.length; at += programHeaderSize) {
    if (headers.readUInt32LE(at) !== noteSegment) continue;
    const offset = headers.readBigUInt64LE(at + 0x08);
    const length = headers.readBigUInt64LE(at + 0x20);
    if (offset > BigInt(size) || length > BigInt(noteLimit)) continue;
    if (hasPvhNote(await readAt(file, Number(offset), Number(length)))) return { hasPvhEntry: true };
  }
  return { hasPvhEntry: false };
}

function problemOf(header: Buffer): string | undefined {
  const is64Bit = header[4] === 2 && header[5] === 1;
  const machine = header.readUInt16LE(0x12);
  if (!is64Bit || machine !== x86) return "it is an ELF image, but not for x86-64";
  if (!executables.includes(header.readUInt16LE(0x10))) return "it is an ELF image that cannot be run";
  if (header.readUInt16LE(0x36) !== programHeaderSize) return "its program headers have an unknown size";
  return undefined;
}

/** Notes: sizes of name and content, type, then both, each padded to four bytes. */
function hasPvhNote(notes: Buffer): boolean {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = notes.readUInt32LE(at);
    const contentSize = notes.readUInt32LE(at + 4);
    const type = notes.readUInt32LE(at + 8);
    if (type === pvhEntry && notes.toString("latin1", at + 12, at + 16) === "Xen\0") return true;
    at += 12 + padded(nameSize) + padded(contentSize);
  }
  return false;
}

function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}
