import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { TarEntry } from "../../../src/archive/tar/entry.ts";
import { readTar } from "../../../src/archive/tar/read.ts";
import { type TarInput, writeTar } from "../../../src/archive/tar/write.ts";
import { rejectsWith } from "../../support/faults.ts";
import { anyMember, chunked, extentsOf, file, gather, pack, readAll } from "../support.ts";

describe("writeTar", () => {
  test("writes what readTar reads back, bytes and all", async () => {
    const members = fc.array(anyMember, { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(members, fc.integer({ min: 30, max: 3000 }), async (given, chunk) => {
        const inputs = given.map(({ bytes, ...entry }): TarInput => ({ ...entry, content: [bytes] }));
        const archive = await pack(...inputs);
        assert.equal(archive.length % 512, 0);
        assert.deepEqual(await readAll(archive, {}, chunk), given.map(plain));
        assert.deepEqual(await pack(...inputs), archive);
      }),
      { numRuns: 100 },
    );
  });

  test("copies an archive from its own members", async () => {
    const archive = await pack(
      file("a", "x".repeat(100_000)),
      file("d", "", { type: "directory" }),
      file("b", "y"),
    );
    assert.deepEqual(await gather(writeTar(readTar(chunked(archive, 1000)))), archive);
  });

  test("writes sparse files as their data, and reads them back with their holes", async () => {
    const sparse = fc
      .tuple(fc.array(fc.tuple(fc.nat(5000), fc.nat(3)), { maxLength: 60 }), fc.nat(500), fc.nat(3000))
      .map(([steps, odd, tail]) => {
        let end = 0;
        const data = steps.map(([gap, blocks], index) => {
          const offset = end + gap;
          const length = blocks * 512 + (index === steps.length - 1 ? odd : 0);
          end = offset + length;
          return { offset, length };
        });
        return { data, size: end + tail };
      });
    await fc.assert(
      fc.asyncProperty(sparse, async ({ data, size }) => {
        const whole = Buffer.alloc(size);
        for (const { offset, length } of data) whole.fill(offset % 255 || 1, offset, offset + length);
        const content = data.map(({ offset, length }) => whole.subarray(offset, offset + length));
        const archive = await pack(file("s", "", { size, data, content }), file("after", "x"));
        const [member, after] = await readAll(archive);
        assert.deepEqual(member?.bytes, whole);
        assert.equal(member?.size, size);
        assert.equal(member?.path.toString(), "s");
        assert.equal(after?.bytes.toString(), "x");
        const extents = (await extentsOf(archive))[0] ?? [];
        assert.deepEqual(Buffer.concat(extents.map((extent) => extent.data)), Buffer.concat(content));
        for (const { offset, data: bytes } of extents) {
          assert.deepEqual(bytes, whole.subarray(offset, offset + bytes.length));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("passes a sparse file on by its extents, without its holes", async () => {
    const size = 2 ** 39;
    const data = [
      { offset: 4096, length: 512 },
      { offset: size - 4, length: 4 },
    ];
    const content = [Buffer.alloc(300, "a"), Buffer.alloc(212, "b"), Buffer.from("last")];
    const archive = await pack(file("disk", "", { size, data, content }));
    assert.equal(archive.length, 4 * 512 + 1024 + 1024);
    assert.deepEqual(await extentsOf(archive), [
      [
        { offset: 4096, data: Buffer.concat(content.slice(0, 2)) },
        { offset: size - 4, data: Buffer.from("last") },
      ],
    ]);
  });

  test("uses plain ustar where that is enough", async () => {
    const plainEntries = [
      file("a", "x", { uid: 0o7777777, mtime: { seconds: 0o77777777777, nanoseconds: 0 } }),
      file("n".repeat(100)),
      file(`${"p".repeat(155)}/${"n".repeat(100)}`),
      file(`${"p".repeat(98)}`, "", { type: "directory" }),
      file("l", "", { type: "symlink", link: Buffer.alloc(100, "l") }),
    ];
    for (const entry of plainEntries) {
      const archive = await pack(entry);
      assert.equal(archive.length, 512 * (3 + Math.ceil(entry.size / 512)), entry.path.toString());
    }
  });

  test("adds a pax header where it is not", async () => {
    const extended = [
      file("a", "", { uid: 0o10000000 }),
      file("a", "", { gid: 0o10000000 }),
      file("a", "", { mtime: { seconds: 1, nanoseconds: 1 } }),
      file("a", "", { mtime: { seconds: -1, nanoseconds: 0 } }),
      file("n".repeat(101)),
      file(`${"p".repeat(156)}/${"n".repeat(100)}`),
      file("d".repeat(100), "", { type: "directory" }),
      file("l", "", { type: "symlink", link: Buffer.alloc(101, "l") }),
      file("a", "", { xattrs: new Map([["user.a", Buffer.alloc(0)]]) }),
    ];
    for (const entry of extended) {
      assert.equal((await pack(entry)).length, 512 * 5, entry.path.toString());
    }
  });

  test("names a size beyond 8 GiB in a pax header", async () => {
    const entry = file("big", "", { size: 2 ** 33 });
    const pieces = writeTar([{ ...entry, content: endless() }]);
    const start = (await pieces.next()).value;
    assert.ok(start);
    assert.match(start.toString("latin1", 512, 1024), /^19 size=8589934592\n/);
    await pieces.return();
  });

  test("does not depend on the order of attributes", async () => {
    const pairs: [string, Buffer][] = [
      ["user.b", Buffer.from("2")],
      ["user.a", Buffer.from("1")],
      ["user.c", Buffer.from("3")],
    ];
    const one = await pack(file("x", "", { xattrs: new Map(pairs) }));
    const other = await pack(file("x", "", { xattrs: new Map(pairs.reverse()) }));
    assert.deepEqual(one, other);
  });

  test("puts small pieces together and lets large ones through as they are", async () => {
    const large = Buffer.alloc(200_000, "x");
    const entries = [...Array(300).keys()].map((index) => file(`f${index}`, "y"));
    const sizes: number[] = [];
    for await (const piece of writeTar([...entries, file("large", large)])) {
      sizes.push(piece.length);
    }
    assert.ok(sizes.length < 10, String(sizes));
    assert.ok(sizes.includes(large.length));
    assert.equal((await gather(writeTar([]))).length, 1024);
  });

  test("says that a file changed its size while it was packed", async () => {
    const message = (had: string): string =>
      `"log" cannot be put into an archive: it had ${had} bytes of content instead of 5`;
    await rejectsWith(pack(file("log", "abc", { size: 5 })), "archive_entry_unwritable", message("3"));
    await rejectsWith(
      pack(file("log", "abcdef", { size: 5 })),
      "archive_entry_unwritable",
      message("more than 5"),
    );
    const sparse = file("log", "abc", { size: 100, data: [{ offset: 0, length: 5 }] });
    await rejectsWith(pack(sparse), "archive_entry_unwritable", message("3"));
  });

  test("refuses what the format cannot hold", async () => {
    const cases: [entry: TarInput, problem: string][] = [
      [file(""), "its name is empty or has a NUL in it"],
      [file("a\0b"), "its name is empty or has a NUL in it"],
      [file("a/"), "its name ends in a slash"],
      [file("a", "", { type: "symlink" }), "its link target is empty or has a NUL in it"],
      [
        file("a", "", { type: "block", device: { major: 2 ** 21, minor: 0 } }),
        "its device number has 2097152 in it",
      ],
      [
        file("a", "", { size: 9, data: [{ offset: 8, length: 2 }] }),
        "it has data at byte 10, beyond its size of 9",
      ],
      [
        file("a", "", {
          size: 9,
          data: [
            { offset: 0, length: 2 },
            { offset: 1, length: 2 },
          ],
        }),
        "its data ranges overlap",
      ],
      [
        file("a", "", {
          size: 9,
          data: [
            { offset: 0, length: 2 },
            { offset: 5, length: 2 },
          ],
        }),
        "a data range ends at byte 2, within a block",
      ],
    ];
    for (const [entry, problem] of cases) {
      const shown = JSON.stringify(entry.path.toString());
      await rejectsWith(
        pack(entry),
        "archive_entry_unwritable",
        `${shown} cannot be put into an archive: ${problem}`,
      );
    }
  });

  test("passes on the failure of a content", async () => {
    const failure = new Error("I/O error");
    async function* content(): AsyncGenerator<Buffer> {
      yield Buffer.from("a");
      throw failure;
    }
    await assert.rejects(pack(file("a", "", { size: 5, content: content() })), failure);
  });
});

function plain<T extends TarEntry>(entry: T): T {
  return { ...entry };
}

async function* endless(): AsyncGenerator<Buffer, void, void> {
  for (;;) yield Buffer.alloc(100_000);
}
