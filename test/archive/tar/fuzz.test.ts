import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readTar } from "../../../src/archive/tar/read.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { block, chunked, endMarker, file, pack, rawHeader, rawMember } from "../support.ts";

const limits = {
  entries: 200,
  pathBytes: 5000,
  headerBytes: 20_000,
  contentBytes: 2 ** 22,
  archiveBytes: 2 ** 20,
};

/** Reads to the end, and returns how many bytes of content came out; only the errors of archives may be thrown. */
async function survive(archive: Buffer, chunk: number): Promise<number> {
  let bytes = 0;
  try {
    for await (const { content } of readTar(chunked(archive, chunk), { limits })) {
      for await (const piece of content) bytes += piece.length;
    }
  } catch (error) {
    if (!isFault(error, "archive_invalid", "archive_truncated", "archive_too_large")) throw error;
  }
  return bytes;
}

async function samples(): Promise<Buffer[]> {
  return [
    await pack(
      file("a".repeat(200), "x".repeat(700), {
        uid: 3_000_000,
        xattrs: new Map([["user.a", Buffer.from("v")]]),
      }),
      file("d", "", { type: "directory" }),
      file("l", "", { type: "symlink", link: Buffer.alloc(150, "t") }),
      file("s", Buffer.alloc(514, "s"), {
        size: 9000,
        data: [
          { offset: 10, length: 512 },
          { offset: 8000, length: 2 },
        ],
      }),
      file("c", "", { type: "character", device: { major: 1, minor: 3 } }),
    ),
    Buffer.concat([
      rawMember({ flag: "L", magic: "ustar  \0" }, `${"n".repeat(300)}\0`),
      rawMember({ name: "x", magic: "ustar  \0" }, "content"),
      rawMember({ flag: "g" }, "11 path=ab\n"),
      rawHeader({
        flag: "S",
        size: "00000000002\0",
        at: [
          [386, "00000000000\x0000000000002\0"],
          [483, "00000007000\0"],
        ],
      }),
      block("ab"),
      endMarker,
    ]),
  ];
}

/** Recomputes every checksum that was right before, so that a mutation is not simply refused by it. */
function repair(original: Buffer, mutated: Buffer): void {
  for (let start = 0; start + 512 <= original.length; start += 512) {
    const isHeader = original.toString("latin1", start + 257, start + 262) === "ustar";
    if (!isHeader) continue;
    mutated.fill(" ", start + 148, start + 156);
    const sum = mutated.subarray(start, start + 512).reduce((total, byte) => total + byte, 0);
    mutated.write(`${sum.toString(8).padStart(6, "0")}\0 `, start + 148, "latin1");
  }
}

test("a mutated archive gives its errors, within its limits, and nothing else", async () => {
  const originals = await samples();
  const place = fc.tuple(
    fc.nat(10_000),
    fc.oneof(fc.nat(255), fc.constantFrom(0x30, 0x37, 0x39, 0x0a, 0xff, 0x80)),
  );
  const mutations = fc.array(place, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...originals),
      mutations,
      fc.boolean(),
      fc.constantFrom(200, 512, 100_000),
      async (original, places, isRepaired, chunk) => {
        const mutated = Buffer.from(original);
        for (const [position, value] of places) mutated[position % mutated.length] = value;
        if (isRepaired) repair(original, mutated);
        assert.ok((await survive(mutated, chunk)) <= limits.contentBytes);
      },
    ),
    { numRuns: 500, interruptAfterTimeLimit: 2000 },
  );
});

test("headers with any fields give their errors, within their limits, and nothing else", async () => {
  const digits = fc.oneof(
    fc.constantFrom(
      "00000000000\0",
      "77777777777\0",
      "\x80\0\0\0\0\0\0\x00\0\0\x01\0",
      "\xff".repeat(12),
      "-1",
      " 12 ",
    ),
    fc.string({ maxLength: 12 }),
  );
  const flag = fc.oneof(
    fc.constantFrom(..."01234567xgLKSDVMAN\0"),
    fc.string({ minLength: 1, maxLength: 1 }),
  );
  const record = fc.tuple(
    fc.constantFrom(
      "path",
      "linkpath",
      "size",
      "uid",
      "mtime",
      "GNU.sparse.major",
      "GNU.sparse.minor",
      "GNU.sparse.map",
      "GNU.sparse.size",
      "GNU.sparse.realsize",
      "GNU.sparse.name",
      "GNU.sparse.offset",
      "GNU.sparse.numbytes",
      "LIBARCHIVE.xattr.%zz",
    ),
    fc.oneof(fc.constantFrom("0", "1", "0,2", "2,0,1,1", "999999999999", ""), fc.string({ maxLength: 8 })),
  );
  const content = fc.oneof(
    fc.string({ maxLength: 1500 }),
    fc.array(record, { maxLength: 5 }).map((records) =>
      records
        .map(([key, value]) => {
          const rest = ` ${key}=${value}\n`;
          const length = rest.length + 2;
          return `${length > 99 ? length + 1 : length}${rest}`;
        })
        .join(""),
    ),
  );
  const member = fc
    .record({
      flag,
      size: digits,
      uid: digits,
      mtime: digits,
      link: fc.string({ maxLength: 9 }),
      isHonest: fc.boolean(),
    })
    .chain(({ isHonest, size, ...fields }) =>
      content.map((text) => rawMember(isHonest ? fields : { ...fields, size }, text)),
    );
  await fc.assert(
    fc.asyncProperty(fc.array(member, { maxLength: 6 }), async (members) => {
      assert.ok((await survive(Buffer.concat([...members, endMarker]), 4096)) <= limits.contentBytes);
    }),
    { numRuns: 1000, interruptAfterTimeLimit: 2000 },
  );
});

test("bytes of any kind give their errors and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
      assert.ok((await survive(Buffer.from(bytes), 512)) <= bytes.length);
    }),
    { numRuns: 200 },
  );
});
