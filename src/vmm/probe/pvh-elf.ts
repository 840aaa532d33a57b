/** Type of the note that names the 32-bit entry point (Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY). */
const entryNote = 18;
const fileHeader = 64;
const programHeader = 56;
const codeOffset = 0x100;

/**
 * An ELF64 file that QEMU's `-kernel` boots through the PVH protocol: one readable, writable, executable segment, `memory`
 * bytes large from `address` on, entered at its first byte in 32-bit protected mode.
 */
export function pvhElf(code: Uint8Array, address: number, memory: number): Buffer {
  const note = entryPointNote(address);
  const noteOffset = fileHeader + 2 * programHeader;
  const file = Buffer.alloc(codeOffset + code.length);
  file.set(elfHeader(address), 0);
  const load = { type: 1, flags: 7, offset: codeOffset, address, size: code.length, memory, align: 0x1000 };
  const notes = {
    type: 4,
    flags: 4,
    offset: noteOffset,
    address: 0,
    size: note.length,
    memory: note.length,
    align: 4,
  };
  file.set(segment(load), fileHeader);
  file.set(segment(notes), fileHeader + programHeader);
  file.set(note, noteOffset);
  file.set(code, codeOffset);
  return file;
}

/** Elf64_Ehdr: little-endian, executable, x86-64, two program headers, no sections. */
function elfHeader(entry: number): Buffer {
  const header = Buffer.alloc(fileHeader);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(entry), 24);
  header.writeBigUInt64LE(BigInt(fileHeader), 32);
  header.writeUInt16LE(fileHeader, 52);
  header.writeUInt16LE(programHeader, 54);
  header.writeUInt16LE(2, 56);
  header.writeUInt16LE(64, 58);
  return header;
}

interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  size: number;
  memory: number;
  align: number;
}

/** Elf64_Phdr */
function segment(of: Segment): Buffer {
  const header = Buffer.alloc(programHeader);
  header.writeUInt32LE(of.type, 0);
  header.writeUInt32LE(of.flags, 4);
  const numbers = [of.offset, of.address, of.address, of.size, of.memory, of.align];
  for (const [index, value] of numbers.entries()) header.writeBigUInt64LE(BigInt(value), 8 + 8 * index);
  return header;
}

/** Elf64_Nhdr with the name "Xen" and the address as its description. */
function entryPointNote(entry: number): Buffer {
  const note = Buffer.alloc(24);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(8, 4);
  note.writeUInt32LE(entryNote, 8);
  note.write("Xen\0", 12, "latin1");
  note.writeBigUInt64LE(BigInt(entry), 16);
  return note;
}
