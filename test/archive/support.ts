import fc from "fast-check";
import type { TarEntry, TarExtent } from "../../src/archive/tar/entry.ts";
import { readTar, type TarReadOptions } from "../../src/archive/tar/read.ts";
import { type TarInput, writeTar } from "../../src/archive/tar/write.ts";

/** The bytes as a stream of chunks of these sizes, over and over; each chunk has memory of its own. */
export async function* chunked(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Buffer, void, void> {
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? bytes.length;
    yield Buffer.from(bytes.subarray(start, start + size));
    start += size;
  }
}

/** The same, each valid until the next is asked for: whoever keeps a view of one is found out. */
export async function* fleeting(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of chunks) {
    yield chunk;
    chunk.fill(0xdb);
  }
}

export async function gather(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

export interface ReadMember extends TarEntry {
  bytes: Buffer;
}

/** All members of an archive with their contents. */
export async function readAll(
  archive: Uint8Array,
  options?: TarReadOptions,
  chunk = 65536,
): Promise<ReadMember[]> {
  const all: ReadMember[] = [];
  for await (const member of readTar(fleeting(chunked(archive, chunk)), options)) {
    const { content, extents: _, ranges: __, ...entry } = member;
    all.push({ ...entry, bytes: await gather(content) });
  }
  return all;
}

export async function extentsOf(archive: Uint8Array): Promise<TarExtent[][]> {
  const all: TarExtent[][] = [];
  for await (const { extents } of readTar(fleeting(chunked(archive)))) {
    const some: TarExtent[] = [];
    for await (const { offset, data } of extents) some.push({ offset, data: Buffer.from(data) });
    all.push(some);
  }
  return all;
}

export async function pack(...entries: TarInput[]): Promise<Buffer> {
  return await gather(writeTar(entries));
}

/** A file with everything that is not given at its plainest. */
export function file(
  path: string | Buffer,
  bytes: string | Buffer = "",
  rest: Partial<TarInput> = {},
): TarInput {
  const content = Buffer.from(bytes as string);
  return {
    path: Buffer.from(path as string),
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: { seconds: 0, nanoseconds: 0 },
    xattrs: new Map(),
    content: [content],
    ...rest,
  };
}

/** Bytes without NUL, as names on Linux are; slashes anywhere but at the end. */
const name = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).map(toBytes) },
    { weight: 2, arbitrary: fc.uint8Array({ min: 1, minLength: 1, maxLength: 300 }).map(Buffer.from) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.string({ minLength: 1, maxLength: 90 }), { minLength: 1, maxLength: 8 })
        .map((parts) => toBytes(parts.join("/"))),
    },
  )
  .filter((bytes) => bytes.length > 0 && !bytes.includes(0) && bytes.at(-1) !== 0x2f);

const id = fc.oneof(fc.nat(70000), fc.integer({ min: 2_000_000, max: 0xfffffffe }));
const seconds = fc.oneof(fc.nat(2 ** 31), fc.integer({ min: -(2 ** 40), max: 2 ** 40 }));
const xattrs = fc
  .array(
    fc.tuple(fc.string({ unit: latin1(), minLength: 1, maxLength: 60 }), fc.uint8Array({ maxLength: 300 })),
    {
      maxLength: 3,
    },
  )
  .map((pairs) => new Map(pairs.map(([key, value]) => [`user.${key}`, Buffer.from(value)])));
const common = {
  path: name,
  mode: fc.nat(0o7777),
  uid: id,
  gid: id,
  mtime: fc.record(
    { seconds, nanoseconds: fc.oneof(fc.constant(0), fc.nat(999_999_999)) },
    { noNullPrototype: true },
  ),
  xattrs,
};

/** Any entry that tar can hold, with its content in `bytes`. */
export const anyMember: fc.Arbitrary<ReadMember> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ ...common, type: fc.constant("file" as const), bytes: fc.uint8Array({ maxLength: 1500 }) })
      .map((entry) => ({ ...entry, bytes: Buffer.from(entry.bytes), size: entry.bytes.length })),
  },
  fc.record({ ...common, type: fc.constantFrom("directory" as const, "fifo" as const) }).map(withoutContent),
  fc
    .record({ ...common, type: fc.constantFrom("symlink" as const, "hardlink" as const), link: name })
    .map(withoutContent),
  fc
    .record({
      ...common,
      type: fc.constantFrom("character" as const, "block" as const),
      device: fc.record({ major: fc.nat(0xfff), minor: fc.nat(0xfffff) }, { noNullPrototype: true }),
    })
    .map(withoutContent),
);

function withoutContent<T>(entry: T): T & { bytes: Buffer; size: number } {
  return { ...entry, bytes: Buffer.alloc(0), size: 0 };
}

function toBytes(text: string): Buffer {
  return Buffer.from(text);
}

function latin1(): fc.Arbitrary<string> {
  return fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
}

/** A header block made by hand, for what the writer does not write. Its checksum is right unless told otherwise. */
export function rawHeader(fields: {
  name?: string;
  flag?: string;
  size?: string;
  mode?: string;
  uid?: string;
  mtime?: string;
  link?: string;
  magic?: string;
  checksum?: string;
  /** Raw bytes at an offset, over everything else. */
  at?: readonly (readonly [offset: number, bytes: string | Buffer])[];
}): Buffer {
  const block = Buffer.alloc(512);
  block.write(fields.name ?? "file", 0, "latin1");
  block.write(fields.mode ?? "0000644\0", 100, "latin1");
  block.write(fields.uid ?? "0000000\0", 108, "latin1");
  block.write("0000000\0", 116, "latin1");
  block.write(fields.size ?? "00000000000\0", 124, "latin1");
  block.write(fields.mtime ?? "00000000000\0", 136, "latin1");
  block.write(fields.flag ?? "0", 156, "latin1");
  block.write(fields.link ?? "", 157, "latin1");
  block.write(fields.magic ?? "ustar\x0000", 257, "latin1");
  for (const [offset, bytes] of fields.at ?? []) Buffer.from(bytes as string, "latin1").copy(block, offset);
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(fields.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Content padded to whole blocks. */
export function block(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string, "latin1");
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 511)]);
}

/** A header of an octal size, with its content. */
export function rawMember(fields: Parameters<typeof rawHeader>[0], content: string | Buffer = ""): Buffer {
  const bytes = Buffer.from(content as string, "latin1");
  const size = `${bytes.length.toString(8).padStart(11, "0")}\0`;
  return Buffer.concat([rawHeader({ size, ...fields }), block(bytes)]);
}

export const endMarker = Buffer.alloc(1024);

/** A member of an ar archive, padded to an even length. */
export function arMember(name: string, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string, "latin1");
  const header = `${name.padEnd(16)}${"0".padEnd(12)}0     0     100644  ${String(bytes.length).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(header, "latin1"), bytes, Buffer.alloc(bytes.length % 2, "\n")]);
}
