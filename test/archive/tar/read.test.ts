import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatPaxRecord } from "../../../src/archive/tar/pax.ts";
import { readTar } from "../../../src/archive/tar/read.ts";
import { rejectsWith } from "../../support/faults.ts";
import { block, chunked, endMarker, file, gather, pack, rawHeader, rawMember, readAll } from "../support.ts";

const end = endMarker;

function pax(records: Record<string, string | Buffer>, flag = "x"): Buffer {
  const all = Object.entries(records).map(([key, value]) =>
    formatPaxRecord(key, Buffer.from(value as string, "latin1")),
  );
  return rawMember({ name: "PaxHeaders/x", flag }, Buffer.concat(all));
}

async function first(...parts: Buffer[]): ReturnType<typeof readAll> {
  return await readAll(Buffer.concat([...parts, end]));
}

describe("names", () => {
  test("directories lose their trailing slashes, also those of v7 that are files by type", async () => {
    const members = await first(
      rawMember({ name: "a/", flag: "5" }),
      rawMember({ name: "b//", flag: "\0", magic: "" }),
      rawMember({ name: "./", flag: "5" }),
      rawMember({ name: "//", flag: "5" }),
    );
    assert.deepEqual(
      members.map(({ path, type }) => [path.toString(), type]),
      [
        ["a", "directory"],
        ["b", "directory"],
        [".", "directory"],
        ["/", "directory"],
      ],
    );
  });

  test("long names and links of GNU's format replace those of the next header only", async () => {
    const name = `${"d/".repeat(200)}\xff`;
    const members = await first(
      rawMember({ name: "././@LongLink", flag: "L", magic: "ustar  \0" }, `${name}\0`),
      rawMember({ name: "././@LongLink", flag: "K", magic: "ustar  \0" }, `${name}2\0`),
      rawHeader({ name: "d/d", link: "d/d", flag: "2", magic: "ustar  \0" }),
      rawMember({ name: "next", magic: "ustar  \0" }),
    );
    assert.deepEqual(
      members.map(({ path, link }) => [path.toString("latin1"), link?.toString("latin1")]),
      [
        [name, `${name}2`],
        ["next", undefined],
      ],
    );
  });

  test("names are never decoded", async () => {
    const odd = Buffer.from([0x0a, 0xff, 0x20, 0xc3, 0x28, 0x22]);
    const members = await first(rawMember({ at: [[0, odd]] }), pax({ path: odd }), rawMember({}));
    assert.deepEqual(
      members.map(({ path }) => path),
      [odd, odd],
    );
  });

  test("an entry without a name, or a link without a target, is refused", async () => {
    await rejectsWith(
      first(rawMember({ name: "" })),
      "archive_invalid",
      "the tar data is not valid at byte 0: an entry has no name",
    );
    await rejectsWith(
      first(rawMember({ flag: "2" })),
      "archive_invalid",
      "the tar data is not valid at byte 0: an entry has no link target",
    );
    await rejectsWith(
      first(pax({ path: "a\0b" }), rawMember({})),
      "archive_invalid",
      'the tar data is not valid at byte 1024: the name "a\\u0000b" has a NUL in it',
    );
  });
});

describe("extended headers", () => {
  test("overrule the fields of the header", async () => {
    const [member] = await first(
      pax({ uid: "3000000", gid: "4000000", mtime: "-1.5", size: "3", path: "p" }),
      rawHeader({}),
      block("abc"),
    );
    assert.ok(member);
    assert.deepEqual(
      [member.uid, member.gid, member.size, member.path.toString(), member.bytes.toString()],
      [3_000_000, 4_000_000, 3, "p", "abc"],
    );
    assert.deepEqual(member.mtime, { seconds: -2, nanoseconds: 500_000_000 });
  });

  test("hold for one entry, global ones for all that follow and do not say otherwise", async () => {
    const members = await first(
      pax({ uid: "1", "SCHILY.xattr.user.g": "global" }, "g"),
      rawMember({ name: "a" }),
      pax({ uid: "2" }),
      rawMember({ name: "b" }),
      pax({ uid: "" }),
      rawMember({ name: "c", uid: "0000003\0" }),
      rawMember({ name: "d" }),
    );
    assert.deepEqual(
      members.map(({ uid }) => uid),
      [1, 2, 3, 1],
    );
    assert.ok(members.every(({ xattrs }) => xattrs.get("user.g")?.toString() === "global"));
  });

  test("several in front of one entry are taken together", async () => {
    const [member] = await first(pax({ uid: "1", gid: "1" }), pax({ uid: "2" }), rawMember({}));
    assert.deepEqual([member?.uid, member?.gid], [2, 1]);
  });

  test("of unknown keywords are passed over, as is a volume's label", async () => {
    const members = await first(rawMember({ name: "label", flag: "V" }), pax({ "X.y": "z" }), rawMember({}));
    assert.deepEqual(
      members.map(({ path }) => path.toString()),
      ["file"],
    );
  });

  test("without an entry are an error", async () => {
    const message = "the tar data is not valid at byte 1024: an extended header has no entry after it";
    await rejectsWith(first(pax({ uid: "1" })), "archive_invalid", message);
    await rejectsWith(first(rawMember({ flag: "L" }, "name")), "archive_invalid", message);
  });

  test("with impossible numbers are an error", async () => {
    const cases: [record: Record<string, string>, problem: string][] = [
      [{ uid: "4294967295" }, "the uid is 4294967295"],
      [{ gid: "x" }, 'the gid is "x", not a number'],
      [{ size: "-1" }, 'the size is "-1", not a number'],
    ];
    for (const [record, problem] of cases) {
      await rejectsWith(
        first(pax(record), rawMember({})),
        "archive_invalid",
        `the tar data is not valid at byte 1024: ${problem}`,
      );
    }
  });
});

describe("types", () => {
  test("without content have none, whatever their size says", async () => {
    const size = "00000001000\0";
    const members = await first(
      rawHeader({ flag: "1", link: "x", size }),
      rawHeader({ flag: "2", link: "x", size }),
      rawHeader({ flag: "3", size }),
      rawHeader({ flag: "4", size }),
      rawHeader({ flag: "5", size }),
      rawHeader({ flag: "6", size }),
    );
    assert.deepEqual(
      members.map(({ type, size, bytes }) => [type, size, bytes.length]),
      ["hardlink", "symlink", "character", "block", "directory", "fifo"].map((type) => [type, 0, 0]),
    );
  });

  test("of GNU's incremental archives are directories, the list in them passed over", async () => {
    const members = await first(
      rawMember({ name: "d/", flag: "D" }, "Yfile\0\0"),
      rawMember({ flag: "7" }, "x"),
    );
    assert.deepEqual(
      members.map(({ type, size, bytes }) => [type, size, bytes.toString()]),
      [
        ["directory", 0, ""],
        ["file", 1, "x"],
      ],
    );
  });

  test("that are not known are refused", async () => {
    await rejectsWith(
      first(rawMember({ name: "part", flag: "M" })),
      "archive_invalid",
      'the tar data is not valid at byte 0: the entry "part" has the unknown type "M"',
    );
  });

  test("of devices have numbers that Linux knows", async () => {
    const big = [[329, "7777777\0"]] as const;
    await rejectsWith(
      first(rawMember({ flag: "3", at: big })),
      "archive_invalid",
      "the tar data is not valid at byte 0: the device number is 2097151:0",
    );
  });
});

describe("the content of a member", () => {
  test("is skipped when it is not read, or not to its end", async () => {
    const archive = await pack(file("a", "x".repeat(2000)), file("b", "y".repeat(3000)), file("c", "z"));
    const seen: string[] = [];
    for await (const member of readTar(chunked(archive, 700))) {
      if (member.path.toString() === "b") {
        for await (const piece of member.content) {
          seen.push(`${piece.toString("latin1", 0, 1)}${piece.length > 0}`);
          break;
        }
      }
      seen.push(member.path.toString());
    }
    assert.deepEqual(seen, ["a", "ytrue", "b", "c"]);
  });

  test("cannot be read twice, nor after the next member was asked for", async () => {
    const archive = await pack(file("a", "x".repeat(2000)), file("b", "y"));
    const members = readTar(chunked(archive, 700));
    const one = (await members.next()).value;
    assert.ok(one);
    assert.equal((await gather(one.content)).length, 2000);
    await assert.rejects(gather(one.content), /the content of a tar member is read once/);
    const two = (await members.next()).value;
    assert.ok(two);
    const iterator = two.content[Symbol.asyncIterator]();
    assert.equal((await members.next()).done, true);
    await assert.rejects(iterator.next(), /the content of a tar member is read once, before the next member/);
  });

  test("is given without a copy", async () => {
    const archive = await pack(file("a", "x".repeat(100)));
    for await (const { content } of readTar(one(archive))) {
      for await (const piece of content) assert.equal(piece.buffer, archive.buffer);
    }
  });
});

describe("the end", () => {
  test("is two blocks of zeros, or one, with whatever behind it read and dropped", async () => {
    const archive = await pack(file("a", "x"));
    const body = archive.subarray(0, -1024);
    for (const tail of [1024, 512, 1500, 10240]) {
      let drained = false;
      async function* source(): AsyncGenerator<Buffer> {
        yield Buffer.concat([body, Buffer.alloc(tail)]);
        if (tail >= 1024) yield Buffer.from("whatever");
        drained = true;
      }
      let count = 0;
      for await (const _ of readTar(source())) count += 1;
      assert.equal(count, 1);
      assert.equal(drained, true);
    }
  });

  test("may be missing only when that is asked for", async () => {
    const body = (await pack(file("a", "x"))).subarray(0, -1024);
    await rejectsWith(
      readAll(body),
      "archive_truncated",
      "the tar data ends early, at byte 1024, before its end marker",
    );
    assert.equal((await readAll(body, { requireEnd: false })).length, 1);
    await rejectsWith(
      readAll(Buffer.alloc(0)),
      "archive_truncated",
      "the tar data ends early, at byte 0, before its end marker",
    );
  });

  test("is not half a marker with data behind it", async () => {
    await rejectsWith(
      first(rawMember({}), Buffer.alloc(512), rawMember({})),
      "archive_invalid",
      "the tar data is not valid at byte 1024: data follows half an end marker",
    );
  });

  test("comes early wherever the archive is cut", async () => {
    const archive = await pack(
      file("a".repeat(300), "x".repeat(1000)),
      file("s", "data", { size: 100_000, data: [{ offset: 500, length: 4 }] }),
    );
    const boundaries = [0, 2560, archive.length - 1024];
    for (let length = 0; length < archive.length - 512; length += 64) {
      for (const requireEnd of [true, false]) {
        const reading = readAll(archive.subarray(0, length), { requireEnd });
        if (!requireEnd && boundaries.includes(length)) await reading;
        else await rejectsWith(reading, "archive_truncated");
      }
    }
    assert.equal((await readAll(archive.subarray(0, -512))).length, 2);
  });

  test("says in what the archive was cut", async () => {
    const archive = await pack(file("a", "x".repeat(1000)));
    const within = async (length: number, expected: string): Promise<void> => {
      const message = `the tar data ends early, at byte ${length}, ${expected}`;
      await rejectsWith(readAll(archive.subarray(0, length)), "archive_truncated", message);
    };
    await within(100, "in a header");
    await within(600, "in the content of a file");
    await within(1512, "in the content of a file");
    const long = await pack(file("a".repeat(200)));
    await rejectsWith(
      readAll(long.subarray(0, 600)),
      "archive_truncated",
      "the tar data ends early, at byte 600, in an extended header",
    );
  });
});

describe("limits", () => {
  const over = (what: string): string => `the tar data has ${what}`;

  test("hold the number of entries, and the bytes of contents and archive", async () => {
    const archive = await pack(file("a", "x".repeat(600)), file("b", "y".repeat(600)), file("c"));
    assert.equal((await readAll(archive, { limits: { entries: 3, contentBytes: 1200 } })).length, 3);
    await rejectsWith(
      readAll(archive, { limits: { entries: 2 } }),
      "archive_too_large",
      over("a number of entries over the limit of 2 entries"),
    );
    await rejectsWith(
      readAll(archive, { limits: { contentBytes: 1199 } }),
      "archive_too_large",
      over("content over the limit of 1199 bytes"),
    );
    await rejectsWith(
      readAll(archive, { limits: { archiveBytes: 2000 } }),
      "archive_too_large",
      over("a length over the limit of 2000 bytes"),
    );
  });

  test("hold holes, too", async () => {
    const archive = await pack(file("a", "", { size: 2 ** 42, data: [] }));
    await rejectsWith(
      readAll(archive),
      "archive_too_large",
      over("content over the limit of 1099511627776 bytes"),
    );
  });

  test("hold paths and link targets", async () => {
    const limits = { pathBytes: 300 };
    assert.equal((await readAll(await pack(file("a".repeat(300))), { limits })).length, 1);
    const message = over("a path over the limit of 300 bytes");
    await rejectsWith(readAll(await pack(file("a".repeat(301))), { limits }), "archive_too_large", message);
    const link = file("a", "", { type: "symlink", link: Buffer.alloc(301, "x") });
    await rejectsWith(readAll(await pack(link), { limits }), "archive_too_large", message);
  });

  test("hold extended headers, before their content is read", async () => {
    const huge = rawHeader({ flag: "x", size: "77777777777\0" });
    const message = over("a header over the limit of 1048576 bytes");
    await rejectsWith(readAll(huge), "archive_too_large", message);
    await rejectsWith(readAll(rawHeader({ flag: "L", size: "77777777777\0" })), "archive_too_large", message);
  });

  test("hold global headers together", async () => {
    const one = pax({ comment: "x".repeat(30_000) }, "g");
    assert.equal((await first(one, one, rawMember({}))).length, 1);
    await rejectsWith(
      first(one, one, one, rawMember({})),
      "archive_too_large",
      over("global headers over the limit of 65536 bytes"),
    );
  });

  test("hold what follows the end marker", async () => {
    const archive = Buffer.concat([await pack(file("a")), Buffer.alloc(5000)]);
    await rejectsWith(
      readAll(archive, { limits: { archiveBytes: 3000 } }),
      "archive_too_large",
      over("a length over the limit of 3000 bytes"),
    );
  });
});

test("the source is told when the reader is left early, and its failure is passed on", async () => {
  const archive = await pack(file("a", "x".repeat(5000)), file("b"));
  let returned = false;
  async function* source(): AsyncGenerator<Buffer> {
    try {
      yield* chunked(archive, 512);
    } finally {
      returned = true;
    }
  }
  for await (const _ of readTar(source())) break;
  assert.equal(returned, true);

  const failure = new Error("connection reset");
  async function* failing(): AsyncGenerator<Buffer> {
    yield archive.subarray(0, 1000);
    throw failure;
  }
  await assert.rejects(async () => {
    for await (const { content } of readTar(failing())) await gather(content);
  }, failure);
});

async function* one(chunk: Buffer): AsyncGenerator<Buffer, void, void> {
  yield chunk;
}
