import { fault } from "../../lib/errors/error.ts";

/** Bytes of the guest's memory: where they belong, and what they are. */
export interface MemoryPiece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What became of a part of the stream. Buffers are views of what was pushed. */
export interface SplitStream {
  /** The stream without the guest's memory. */
  readonly kept: Buffer[];
  readonly memory: MemoryPiece[];
}

const magic = 0x5145564d;
const version = 3;
const pageSize = 4096;
/** Marks of what follows (QEMU's migration/savevm.h). */
const marks = { start: 0x01, part: 0x02, end: 0x03, subsection: 0x05, configuration: 0x07, footer: 0x7e };
/** Low bits of what precedes each page (QEMU's migration/ram.c). */
const flags = { zero: 0x02, sizes: 0x04, page: 0x08, endOfSection: 0x10, same: 0x20 };
const knownFlags = 0x3e;
/** More blocks of memory than any machine has. */
const mostBlocks = 256;
/** Bytes; larger than any machine, and what is kept in mind of it is small still. */
const mostMemory = 2 ** 42;
const zeros = Buffer.alloc(pageSize);

/**
 * Takes the guest's memory out of the stream in which QEMU saves a machine that runs, so that it can be mapped by whoever restores it
 * instead of being read. What is left is a stream that QEMU takes together with that memory, as that of a machine whose memory
 * is in a file (version 3 of the format, with the capability `x-ignore-shared`; QEMU's docs/devel/migration.rst).
 */
export class MemoryStream {
  /** Bytes of the guest's memory; known once it has begun. */
  size = 0;
  readonly #wanted: (block: string) => boolean;
  #rest: Buffer = Buffer.alloc(0);
  #step: Step = "header";
  /** The block that the last page belonged to. */
  #block = "";
  /** Bytes of blocks that are still to be announced. */
  #announced = 0;
  #blocks = 0;
  /** One bit a page that was written: one that becomes zero later has to be written again. */
  #written: Uint8Array = new Uint8Array(0);

  /** @param wanted says of the name of a block of memory whether it is the guest's own */
  constructor(wanted: (block: string) => boolean) {
    this.#wanted = wanted;
  }

  /** True when nothing of the memory can follow. */
  get passed(): boolean {
    return this.#step === "devices";
  }

  /** @throws vmm_protocol */
  push(chunk: Buffer): SplitStream {
    const split: SplitStream = { kept: [], memory: [] };
    const cursor = new Cursor(this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk);
    for (;;) {
      const begin = cursor.at;
      if (this.#step === "devices") {
        if (begin < cursor.bytes.length) split.kept.push(cursor.bytes.subarray(begin));
        this.#rest = Buffer.alloc(0);
        return split;
      }
      const dropped = this.#take(cursor, split);
      if (dropped === undefined) {
        this.#rest = cursor.bytes.subarray(begin);
        return split;
      }
      if (!dropped && cursor.at > begin) keep(split, cursor.bytes, begin, cursor.at);
    }
  }

  /** Takes one unit; whether it is left out, and undefined when it is not whole yet. */
  #take(cursor: Cursor, split: SplitStream): boolean | undefined {
    switch (this.#step) {
      case "header":
        return this.#header(cursor);
      case "section":
        return this.#section(cursor);
      case "sizes":
        return this.#sizes(cursor);
      case "pages":
      case "last pages":
        return this.#page(cursor, split);
      case "footer":
      case "last footer":
        return this.#footer(cursor);
      case "devices":
        return false;
    }
  }

  #header(cursor: Cursor): boolean | undefined {
    if (!cursor.has(8)) return undefined;
    if (cursor.u32() !== magic || cursor.u32() !== version) throw malformed("it has another format");
    this.#step = "section";
    return false;
  }

  /** Of the configuration, whose parts have no length, all is taken up to the section of the memory. */
  #section(cursor: Cursor): boolean | undefined {
    const mark = cursor.peek();
    if (mark === undefined) return undefined;
    if (mark === marks.configuration) return skipConfiguration(cursor);
    if (mark === marks.start) {
      const name = cursor.textAt(5);
      if (name === undefined || !cursor.has(5 + 1 + name.length + 8)) return undefined;
      if (name !== "ram") throw malformed(`the section ${JSON.stringify(name)} comes before the memory`);
      cursor.at += 5 + 1 + name.length + 8;
      this.#step = "pages";
      return false;
    }
    if (mark !== marks.part && mark !== marks.end)
      throw malformed(`the mark ${mark} comes before the memory's end`);
    if (!cursor.has(5)) return undefined;
    cursor.at += 5;
    this.#step = mark === marks.end ? "last pages" : "pages";
    return false;
  }

  #page(cursor: Cursor, split: SplitStream): boolean | undefined {
    if (!cursor.has(8)) return undefined;
    const begin = cursor.at;
    const high = cursor.u32();
    const low = cursor.u32();
    const bits = low & (pageSize - 1);
    const offset = high * 2 ** 32 + (low >>> 0) - bits;
    if ((bits & ~knownFlags) !== 0) throw malformed(`a page has the flags ${bits}`);
    if (bits & flags.endOfSection) {
      this.#step = this.#step === "last pages" ? "last footer" : "footer";
      return false;
    }
    if (bits & flags.sizes) {
      this.#announced = offset;
      this.#step = "sizes";
      return false;
    }
    let block = this.#block;
    if (!(bits & flags.same)) {
      const name = cursor.textAt(0);
      if (name === undefined) return undo(cursor, begin);
      block = name;
      cursor.at += 1 + name.length;
    }
    const length = bits & flags.zero ? 1 : pageSize;
    if (!(bits & (flags.zero | flags.page))) throw malformed(`a page has the flags ${bits}`);
    if (!cursor.has(length)) return undo(cursor, begin);
    const bytes = cursor.bytes.subarray(cursor.at, cursor.at + length);
    cursor.at += length;
    this.#block = block;
    if (!this.#wanted(block)) return false;
    this.#place(offset, bits & flags.zero ? filled(bytes[0] ?? 0) : bytes, split);
    return true;
  }

  #place(offset: number, bytes: Buffer, split: SplitStream): void {
    const page = offset / pageSize;
    if (offset + pageSize > this.size) throw malformed("a page lies outside the memory");
    const bit = 1 << (page & 7);
    const known = ((this.#written[page >> 3] ?? 0) & bit) !== 0;
    // The file is sparse: what is zero from the beginning is not written.
    if (bytes === zeros && !known) return;
    this.#written[page >> 3] = (this.#written[page >> 3] ?? 0) | bit;
    split.memory.push({ offset, bytes });
  }

  /** One block of memory: its name, its size, and where the guest sees it. */
  #sizes(cursor: Cursor): boolean | undefined {
    const name = cursor.textAt(0);
    if (name === undefined || !cursor.has(1 + name.length + 16)) return undefined;
    cursor.at += 1 + name.length;
    const size = cursor.u32() * 2 ** 32 + cursor.u32();
    cursor.at += 8;
    this.#blocks += 1;
    this.#announced -= size;
    if (this.#announced < 0 || this.#blocks > mostBlocks)
      throw malformed("the sizes of its memory do not fit");
    if (this.#wanted(name)) {
      if (size > mostMemory || size % pageSize !== 0) throw malformed("the sizes of its memory do not fit");
      this.size = size;
      this.#written = new Uint8Array(Math.ceil(size / pageSize / 8));
    }
    if (this.#announced === 0) this.#step = "pages";
    return false;
  }

  #footer(cursor: Cursor): boolean | undefined {
    if (!cursor.has(5)) return undefined;
    if (cursor.peek() !== marks.footer) throw malformed("a section has no end");
    cursor.at += 5;
    this.#step = this.#step === "last footer" ? "devices" : "section";
    return false;
  }
}

type Step = "header" | "section" | "sizes" | "pages" | "last pages" | "footer" | "last footer" | "devices";

/** `u8 mark, u32 length, name`, then subsections: `u8 mark, u8 length, name, u32 version`, and of the one there is a count and names. */
function skipConfiguration(cursor: Cursor): boolean | undefined {
  const begin = cursor.at;
  if (!cursor.has(5)) return undefined;
  cursor.at += 1;
  const length = cursor.u32();
  if (length > pageSize) throw malformed("the name of its machine is too long");
  if (!cursor.has(length + 1)) return undo(cursor, begin);
  cursor.at += length;
  while (cursor.peek() === marks.subsection) {
    const name = cursor.textAt(1);
    if (name === undefined || !cursor.has(2 + name.length + 8)) return undo(cursor, begin);
    if (name !== "configuration/capabilities") throw malformed(`it has the part ${JSON.stringify(name)}`);
    cursor.at += 2 + name.length + 4;
    const count = cursor.u32();
    if (count > mostBlocks) throw malformed("it has too many capabilities");
    for (let index = 0; index < count; index += 1) {
      const capability = cursor.textAt(0);
      if (capability === undefined) return undo(cursor, begin);
      cursor.at += 1 + capability.length;
    }
    if (!cursor.has(1)) return undo(cursor, begin);
  }
  return false;
}

/** A place in bytes. Nothing is read that is not there. */
class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  has(count: number): boolean {
    return this.at + count <= this.bytes.length;
  }

  peek(): number | undefined {
    return this.bytes[this.at];
  }

  u32(): number {
    const value = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** `u8 length` and so many characters, `skip` bytes from here; undefined when they are not all there. */
  textAt(skip: number): string | undefined {
    const length = this.bytes[this.at + skip];
    const begin = this.at + skip + 1;
    if (length === undefined || begin + length > this.bytes.length) return undefined;
    return this.bytes.toString("latin1", begin, begin + length);
  }
}

function undo(cursor: Cursor, begin: number): undefined {
  cursor.at = begin;
  return undefined;
}

/** Joined with what was kept before it, when it follows it. */
function keep(split: SplitStream, bytes: Buffer, begin: number, end: number): void {
  const last = split.kept.at(-1);
  const next = bytes.subarray(begin, end);
  if (last && last.buffer === next.buffer && last.byteOffset + last.length === next.byteOffset) {
    split.kept[split.kept.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + next.length);
  } else split.kept.push(next);
}

function filled(byte: number): Buffer {
  return byte === 0 ? zeros : Buffer.alloc(pageSize, byte);
}

function malformed(problem: string): Error {
  return fault("vmm_protocol", {
    program: "QEMU",
    problem: `the state that it saved cannot be read: ${problem}`,
  });
}
