import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { writeExt4 } from "../../../src/image/ext4/writer.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { addEntry, build, checkImage, epoch, smallOptions, type TestEntry } from "./support/image.ts";
import { ImageReader } from "./support/reader.ts";

describe("what an entry becomes", () => {
  test("an empty image has a root and lost+found", async (context) => {
    const { path, reader, summary } = await build(context, []);
    const found = reader.list();
    assert.deepEqual([...found.keys()], ["", "lost+found"]);
    assert.equal(found.get("")?.mode, 0o755);
    assert.equal(found.get("")?.links, 3);
    assert.equal(found.get("lost+found")?.mode, 0o700);
    assert.deepEqual(found.get("")?.mtime, epoch);
    assert.deepEqual(summary, {
      sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
      blocks: 4096,
      usedBytes: 8192,
      inodes: 11,
      entries: 0,
      skippedAttributes: 0,
    });
  });

  test("files keep their bytes, whatever the size", async (context) => {
    const sizes = [0, 1, 4095, 4096, 4097, 70_000, 1_100_000];
    const contents = sizes.map((size) =>
      Buffer.from(Array.from({ length: size }, (_, at) => (at * 7 + size) & 0xff)),
    );
    const { reader } = await build(
      context,
      contents.map((content, index) => ({ path: `file${index}`, content })),
    );
    const found = reader.list();
    for (const [index, content] of contents.entries()) {
      assert.deepEqual(found.get(`file${index}`)?.content, content);
      assert.equal(found.get(`file${index}`)?.links, 1);
    }
  });

  test("all twelve mode bits are kept", async (context) => {
    const modes = [0, 0o644, 0o4755, 0o2755, 0o1777, 0o7777];
    const { reader } = await build(
      context,
      modes.map((mode) => ({ path: `f${mode}`, mode })),
    );
    const found = reader.list();
    for (const mode of modes) assert.equal(found.get(`f${mode}`)?.mode, mode);
  });

  test("owners beyond 16 bits are kept", async (context) => {
    const { reader } = await build(context, [
      { path: "a", uid: 70_000, gid: 131_073 },
      { path: "b", uid: 2 ** 32 - 2, gid: 65_535 },
    ]);
    const found = reader.list();
    assert.deepEqual([found.get("a")?.uid, found.get("a")?.gid], [70_000, 131_073]);
    assert.deepEqual([found.get("b")?.uid, found.get("b")?.gid], [2 ** 32 - 2, 65_535]);
  });

  test("times keep nanoseconds, before 1970 and after 2038; those ext4 cannot hold move to its ends", async (context) => {
    const times = [
      { seconds: 0, nanoseconds: 1 },
      { seconds: -1, nanoseconds: 999_999_999 },
      { seconds: -(2 ** 31), nanoseconds: 0 },
      { seconds: 2 ** 31, nanoseconds: 5 },
      { seconds: 2 ** 32 + 7, nanoseconds: 123_456_789 },
      { seconds: 15_032_385_535, nanoseconds: 0 },
    ];
    const entries: TestEntry[] = times.map((mtime, index) => ({ path: `t${index}`, mtime }));
    entries.push({ path: "late", mtime: { seconds: 1e12, nanoseconds: 0 } });
    entries.push({ path: "early", mtime: { seconds: -1e12, nanoseconds: 0 } });
    const found = (await build(context, entries)).reader.list();
    for (const [index, mtime] of times.entries()) assert.deepEqual(found.get(`t${index}`)?.mtime, mtime);
    assert.equal(found.get("late")?.mtime.seconds, 15_032_385_535);
    assert.equal(found.get("early")?.mtime.seconds, -(2 ** 31));
  });

  test("devices keep small and large numbers, and FIFOs are FIFOs", async (context) => {
    const { reader } = await build(context, [
      { path: "null", type: "character", device: { major: 1, minor: 3 }, mode: 0o666 },
      { path: "disk", type: "block", device: { major: 259, minor: 70_000 }, mode: 0o660 },
      { path: "last", type: "block", device: { major: 4095, minor: 1_048_575 } },
      { path: "pipe", type: "fifo", mode: 0o600 },
    ]);
    const found = reader.list();
    assert.deepEqual(found.get("null")?.device, { major: 1, minor: 3 });
    assert.deepEqual(found.get("disk")?.device, { major: 259, minor: 70_000 });
    assert.deepEqual(found.get("last")?.device, { major: 4095, minor: 1_048_575 });
    assert.deepEqual([found.get("null")?.type, found.get("disk")?.type], ["character", "block"]);
    assert.deepEqual([found.get("pipe")?.type, found.get("pipe")?.mode], ["fifo", 0o600]);
  });

  test("symbolic links keep their target, inside the inode up to 59 bytes and in a block beyond", async (context) => {
    const targets = ["x", "/usr/bin", "a".repeat(59), "a".repeat(60), "b/".repeat(2047), "\xff \n'\""];
    const { reader } = await build(
      context,
      targets.map((link, index) => ({ path: `l${index}`, type: "symlink", link, mode: 0o777 })),
    );
    const found = reader.list();
    for (const [index, link] of targets.entries()) {
      assert.equal(found.get(`l${index}`)?.target, link);
      assert.equal(found.get(`l${index}`)?.size, link.length);
      assert.equal(found.get(`l${index}`)?.blocks.size, link.length > 59 ? 1 : 0);
    }
  });

  test("names may hold any bytes but / and NUL, up to 255 of them", async (context) => {
    const names = [
      " ",
      "with space",
      "quote\"s'",
      "line\nfeed",
      "\xff\xfe",
      "gr\xc3\xb6\xc3\x9fe",
      "n".repeat(255),
      "-",
      "...",
    ];
    const { reader } = await build(
      context,
      names.map((path) => ({ path })),
    );
    assert.deepEqual([...reader.list().keys()].sort(), ["", "lost+found", ...names].sort());
  });

  test("a path may be deep", async (context) => {
    const path = Array.from({ length: 300 }, (_, index) => `directory-${index}`).join("/");
    const { reader } = await build(context, [{ path, content: "deep" }]);
    assert.equal(reader.list().get(path)?.content?.toString(), "deep");
  });

  test("hard links share one inode, and their count is right", async (context) => {
    const { reader, summary } = await build(context, [
      { path: "a/first", content: "shared" },
      { path: "second", type: "hardlink", link: "a/first" },
      { path: "b/third", type: "hardlink", link: "./second" },
      { path: "link", type: "symlink", link: "x" },
      { path: "link2", type: "hardlink", link: "link" },
    ]);
    const found = reader.list();
    assert.equal(found.get("a/first")?.inode, found.get("second")?.inode);
    assert.equal(found.get("b/third")?.inode, found.get("second")?.inode);
    assert.equal(found.get("second")?.links, 3);
    assert.equal(found.get("link2")?.target, "x");
    assert.equal(summary.entries, 5);
  });

  test("parents that the archive leaves out are made, owned by root", async (context) => {
    const { reader } = await build(context, [{ path: "./a//b/c", uid: 5 }]);
    const parent = reader.list().get("a/b");
    assert.deepEqual([parent?.type, parent?.mode, parent?.uid, parent?.links], ["directory", 0o755, 0, 2]);
    assert.deepEqual(parent?.mtime, epoch);
  });

  test("an entry for the root gives it its attributes, and a leading slash means the root", async (context) => {
    const { reader } = await build(context, [
      { path: "./", type: "directory", mode: 0o711, uid: 3, xattrs: { "user.x": "root" } },
      { path: "/etc/", type: "directory", mode: 0o750 },
    ]);
    const found = reader.list();
    assert.deepEqual([found.get("")?.mode, found.get("")?.uid, found.get("")?.links], [0o711, 3, 4]);
    assert.deepEqual(found.get("")?.xattrs.get("user.x"), Buffer.from("root"));
    assert.equal(found.get("etc")?.mode, 0o750);
  });
});

describe("holes", () => {
  test("what no piece covers is a hole, and reads as zeros", async (context) => {
    const { reader, summary } = await build(context, [
      {
        path: "sparse",
        size: 1_000_000,
        pieces: [
          { offset: 100, data: Buffer.from("early") },
          { offset: 200, data: Buffer.from("same block") },
          { offset: 4090, data: Buffer.from("across the boundary") },
          { offset: 500_000, data: Buffer.from("late") },
        ],
      },
    ]);
    const file = reader.list().get("sparse");
    const expected = Buffer.alloc(1_000_000);
    expected.write("early", 100);
    expected.write("same block", 200);
    expected.write("across the boundary", 4090);
    expected.write("late", 500_000);
    assert.deepEqual(file?.content, expected);
    assert.deepEqual([...(file?.blocks.keys() ?? [])], [0, 1, 122]);
    assert.equal(summary.usedBytes, 8192 + 3 * 4096);
  });

  test("a file may be all hole, and larger than the file system", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using writer = await writeExt4(smallOptions(path));
    await addEntry(writer, {
      path: "huge",
      size: 5 * 2 ** 30 + 1,
      pieces: [{ offset: 5 * 2 ** 30, data: Buffer.from("!") }],
    });
    await writer.finish();
    checkImage(path);
    const image = readFileSync(path);
    const table = image.readUInt32LE(4096 + 8) * 4096;
    const inode = image.subarray(table + 11 * 256);
    assert.equal(inode.readUInt32LE(4) + inode.readUInt32LE(0x6c) * 2 ** 32, 5 * 2 ** 30 + 1);
    assert.equal(inode.readUInt32LE(0x1c), 8, "one block");
  });

  test("a file of many fragments has a tree of extents", async (context) => {
    const pieces = Array.from({ length: 1500 }, (_, index) => ({
      offset: index * 8192,
      data: Buffer.from(`<${index}>`),
    }));
    const { reader } = await build(context, [{ path: "f", size: 1500 * 8192, pieces }]);
    const file = reader.list().get("f");
    assert.equal(file?.blocks.size, 1500);
    for (const { offset, data } of pieces) {
      assert.deepEqual(file?.content?.subarray(offset, offset + data.length), data);
    }
  });
});

describe("entries that meet", () => {
  test("a later file replaces an earlier one, whose blocks and inode are free again", async (context) => {
    const twice = await build(context, [
      { path: "f", content: Buffer.alloc(500_000, "a"), xattrs: { "user.big": "v".repeat(1000) } },
      { path: "f", content: "new" },
    ]);
    const once = await build(context, [{ path: "f", content: "new" }]);
    assert.equal(twice.reader.list().get("f")?.content?.toString(), "new");
    assert.equal(twice.summary.usedBytes, once.summary.usedBytes);
    assert.equal(twice.summary.inodes, once.summary.inodes);
    assert.equal(twice.summary.entries, 2);
  });

  test("a directory stays and takes the attributes of a later entry", async (context) => {
    const { reader } = await build(context, [
      { path: "d", type: "directory", mode: 0o700, xattrs: { "user.old": "x".repeat(500) } },
      { path: "d/f", content: "kept" },
      { path: "d", type: "directory", mode: 0o755, uid: 9, xattrs: { "user.new": "y" } },
    ]);
    const found = reader.list();
    assert.deepEqual([found.get("d")?.mode, found.get("d")?.uid], [0o755, 9]);
    assert.deepEqual([...(found.get("d")?.xattrs.keys() ?? [])], ["user.new"]);
    assert.equal(found.get("d/f")?.content?.toString(), "kept");
  });

  test("a file takes the place of a directory with all that is in it", async (context) => {
    const { reader, summary } = await build(context, [
      { path: "d/e/f", content: "x" },
      { path: "d/g", content: Buffer.alloc(9000) },
      { path: "kept", type: "hardlink", link: "d/e/f" },
      { path: "d", content: "now a file" },
    ]);
    const found = reader.list();
    assert.deepEqual([...found.keys()].sort(), ["", "d", "kept", "lost+found"]);
    assert.equal(found.get("kept")?.links, 1);
    assert.equal(found.get("")?.links, 3);
    assert.equal(summary.inodes, 13);
  });

  test("a directory takes the place of a link", async (context) => {
    const { reader } = await build(context, [
      { path: "usr/bin/sh" },
      { path: "bin", type: "symlink", link: "usr/bin" },
      { path: "bin", type: "directory" },
      { path: "bin/ls" },
    ]);
    assert.deepEqual([...reader.list().keys()].sort(), [
      "",
      "bin",
      "bin/ls",
      "lost+found",
      "usr",
      "usr/bin",
      "usr/bin/sh",
    ]);
  });

  test("a hard link to itself changes nothing", async (context) => {
    const { reader } = await build(context, [
      { path: "f", content: "x" },
      { path: "./f", type: "hardlink", link: "f" },
    ]);
    assert.equal(reader.list().get("f")?.links, 1);
  });

  test("a hard link takes the place of another file", async (context) => {
    const { reader, summary } = await build(context, [
      { path: "a", content: "a" },
      { path: "b", content: "b" },
      { path: "b", type: "hardlink", link: "a" },
    ]);
    assert.equal(reader.list().get("b")?.content?.toString(), "a");
    assert.equal(reader.list().get("b")?.links, 2);
    assert.equal(summary.inodes, 12);
  });

  test("empty takes out what is in a directory, and leaves it and what ext4 needs", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using writer = await writeExt4(smallOptions(path));
    await addEntry(writer, { path: "d", type: "directory", mode: 0o711 });
    await addEntry(writer, { path: "d/s/deep", content: "x" });
    await addEntry(writer, { path: "e/kept", content: "x" });
    await addEntry(writer, { path: "f", content: "x" });
    for (const each of ["d", "no/such", "f"]) await writer.empty(Buffer.from(each));
    assert.deepEqual(writer.find(Buffer.from("e/kept")), { name: "kept", type: "file", mode: 0o644 });
    assert.equal(writer.find(Buffer.from("d/s/deep")), undefined);
    await writer.finish();
    checkImage(path);
    const found = new ImageReader(path).list();
    assert.deepEqual([...found.keys()].sort(), ["", "d", "e", "e/kept", "f", "lost+found"]);
    assert.equal(found.get("d")?.mode, 0o711);
    const bare = join(temporaryDirectory(context), "bare");
    await using other = await writeExt4(smallOptions(bare));
    await addEntry(other, { path: "d/x", content: "x" });
    await other.empty(Buffer.from("."));
    await other.finish();
    checkImage(bare);
    assert.deepEqual([...new ImageReader(bare).list().keys()], ["", "lost+found"]);
  });

  test("remove takes out a path with everything in it, and minds nothing that is not there", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using writer = await writeExt4(smallOptions(path));
    await addEntry(writer, { path: "d/f", content: "x" });
    await addEntry(writer, { path: "kept", content: "y" });
    await writer.remove(Buffer.from("d"));
    await writer.remove(Buffer.from("no/such/thing"));
    const summary = await writer.finish();
    checkImage(path);
    assert.deepEqual([...new ImageReader(path).list().keys()].sort(), ["", "kept", "lost+found"]);
    assert.equal(summary.inodes, 12);
  });
});

describe("links on the way", () => {
  test("the merged /usr of Debian: entries under /bin land in /usr/bin", async (context) => {
    const { reader } = await build(context, [
      { path: "usr/bin", type: "directory" },
      { path: "bin", type: "symlink", link: "usr/bin" },
      { path: "bin/ls", content: "ls" },
      { path: "bin/dir", type: "hardlink", link: "bin/ls" },
    ]);
    const found = reader.list();
    assert.equal(found.get("usr/bin/ls")?.content?.toString(), "ls");
    assert.equal(found.get("usr/bin/ls")?.links, 2);
    assert.equal(found.get("bin")?.type, "symlink");
  });

  test("a link out of the tree ends at its root, as in a chroot", async (context) => {
    const { reader } = await build(context, [
      { path: "up", type: "symlink", link: "../../../../etc" },
      { path: "absolute", type: "symlink", link: "/etc" },
      { path: "d/around", type: "symlink", link: "../d/./../etc/." },
      { path: "up/a" },
      { path: "absolute/b" },
      { path: "d/around/c" },
    ]);
    const names = [...reader.list().keys()].filter((name) => name.startsWith("etc"));
    assert.deepEqual(names, ["etc", "etc/a", "etc/b", "etc/c"]);
  });

  test("the last component is not followed", async (context) => {
    const { reader } = await build(context, [
      { path: "l", type: "symlink", link: "target" },
      { path: "target", content: "old" },
      { path: "l", content: "new" },
    ]);
    const found = reader.list();
    assert.equal(found.get("target")?.content?.toString(), "old");
    assert.equal(found.get("l")?.content?.toString(), "new");
  });
});

describe("refusals", () => {
  const refused: [string, TestEntry[], string, string][] = [
    [
      "a loop of links on the way",
      [{ path: "a", type: "symlink", link: "b" }, { path: "b", type: "symlink", link: "a" }, { path: "a/f" }],
      "a/f",
      "leads through too many symbolic links",
    ],
    [
      "a file as a directory",
      [{ path: "f" }, { path: "f/g" }],
      "f/g",
      "is inside something that is not a directory",
    ],
    [
      "a link to nothing",
      [{ path: "l", type: "hardlink", link: "x/y" }],
      "l",
      'is a hard link to "x/y", which is not there',
    ],
    [
      "a hard link to a directory",
      [
        { path: "d", type: "directory" },
        { path: "l", type: "hardlink", link: "d" },
      ],
      "l",
      'is a hard link to "d", which is a directory',
    ],
    [
      "a hard link without a target",
      [{ path: "l", type: "hardlink" }],
      "l",
      'is a hard link to "", which is a directory',
    ],
    ["a root that is a file", [{ path: "." }], ".", "is the root, but not a directory"],
    [
      "a file in the place of lost+found",
      [{ path: "lost+found" }],
      "lost+found",
      "is a directory that ext4 needs",
    ],
    ["a negative owner", [{ path: "f", uid: -1 }], "f", "belongs to user -1, which Linux does not have"],
    [
      "the owner that is none",
      [{ path: "f", gid: 2 ** 32 - 1 }],
      "f",
      "belongs to group 4294967295, which Linux does not have",
    ],
    [
      "a device beyond the numbers",
      [{ path: "c", type: "character", device: { major: 4096, minor: 0 } }],
      "c",
      "has the device number 4096:0, which Linux does not have",
    ],
    [
      "an empty link target",
      [{ path: "l", type: "symlink", link: "" }],
      "l",
      "is a symbolic link whose target, of 0 bytes, no link can have",
    ],
    [
      "a link target of a block",
      [{ path: "l", type: "symlink", link: "x".repeat(4096) }],
      "l",
      "is a symbolic link whose target, of 4096 bytes, no link can have",
    ],
    [
      "a link target with a NUL",
      [{ path: "l", type: "symlink", link: "a\0b" }],
      "l",
      "is a symbolic link whose target, of 3 bytes, no link can have",
    ],
    [
      "pieces out of order",
      [
        {
          path: "f",
          size: 10,
          pieces: [
            { offset: 5, data: Buffer.from("x") },
            { offset: 0, data: Buffer.from("y") },
          ],
        },
      ],
      "f",
      "has content that overlaps or lies beyond its size",
    ],
    [
      "a piece beyond the end",
      [{ path: "f", size: 3, pieces: [{ offset: 0, data: Buffer.from("four") }] }],
      "f",
      "has content that overlaps or lies beyond its size",
    ],
    [
      "a file beyond ext4",
      [{ path: "f", size: 2 ** 44 }],
      "f",
      "has a size of 17592186044416 bytes, which ext4 cannot hold",
    ],
    ["a negative size", [{ path: "f", size: -1 }], "f", "has a size of -1 bytes, which ext4 cannot hold"],
    [
      "more than there is room for",
      [{ path: "f", content: Buffer.alloc(17 * 2 ** 20) }],
      "f",
      "does not fit into 16 MiB",
    ],
    [
      "attributes beyond a block",
      [{ path: "f", xattrs: { "user.a": "x".repeat(4090) } }],
      "f",
      "has extended attributes that do not fit into 4 KiB",
    ],
  ];
  for (const [what, entries, entry, problem] of refused) {
    test(`${what} is an error that names the entry`, async (context) => {
      const message = `the root file system cannot be made: ${JSON.stringify(entry)} ${problem}`;
      await rejectsWith(build(context, entries), "root_filesystem_invalid", message);
    });
  }

  for (const path of ["../x", "a/../../x", "a/..", "n".repeat(256), "a\0b"]) {
    test(`the path ${JSON.stringify(path.slice(0, 20))} is an error`, async (context) => {
      await rejectsWith(build(context, [{ path }]), "archive_path_unsafe");
    });
  }

  test("more files than inodes is an error", async (context) => {
    const entries = Array.from({ length: 1100 }, (_, index) => ({ path: `f${index}` }));
    await rejectsWith(
      build(context, entries),
      "root_filesystem_invalid",
      'the root file system cannot be made: "f1013" is one file too many: a file system of 16 MiB has 1024 inodes',
    );
  });

  test("one hard link more than 65000 is an error", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using writer = await writeExt4(smallOptions(path));
    await addEntry(writer, { path: "f" });
    for (let index = 1; index < 65_000; index += 1) {
      await addEntry(writer, { path: `${index}`, type: "hardlink", link: "f" });
    }
    await rejectsWith(
      addEntry(writer, { path: "last", type: "hardlink", link: "f" }),
      "root_filesystem_invalid",
      'the root file system cannot be made: "last" is one hard link more than 65000',
    );
  });

  test("names and link targets over their limit are an error, but not when they replace each other", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    // lost+found has 10 of these bytes, "link" and its target 1000.
    await using writer = await writeExt4(smallOptions(path, { maxNameBytes: 1024 }));
    const link: TestEntry = { path: "link", type: "symlink", link: "t".repeat(996) };
    for (let round = 0; round < 3; round += 1) await addEntry(writer, link);
    await addEntry(writer, { path: "fourteen-bytes" });
    await rejectsWith(
      addEntry(writer, { path: "x" }),
      "root_filesystem_invalid",
      'the root file system cannot be made: "x" brings the names and link targets over 1 KiB',
    );
  });

  test("a file system too small for itself is an error", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await rejectsWith(
      writeExt4(smallOptions(path, { sizeBytes: 8192 })),
      "root_filesystem_invalid",
      'the root file system cannot be made: "/" does not fit into 8 KiB',
    );
    assert.equal(existsSync(path), false);
  });
});

describe("the image file", () => {
  test("the same entries give the same bytes", async (context) => {
    const entries: TestEntry[] = [
      {
        path: "a/b",
        content: Buffer.alloc(100_000, "x"),
        xattrs: { "user.k": "v", "security.capability": "cap" },
      },
      { path: "a/c", type: "symlink", link: "b" },
      ...Array.from({ length: 300 }, (_, index) => ({
        path: `many/some-name-${index}`,
        content: `${index}`,
      })),
    ];
    const first = await build(context, entries, { journalBytes: 4 * 2 ** 20 });
    const second = await build(context, entries, { journalBytes: 4 * 2 ** 20 });
    assert.ok(readFileSync(first.path).equals(readFileSync(second.path)));
  });

  test("8 GiB with little in it take little on the host", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    const options = { sizeBytes: 8 * 2 ** 30, journalBytes: 64 * 2 ** 20, growToBytes: 2 * 2 ** 40 };
    await using writer = await writeExt4(smallOptions(path, options));
    await addEntry(writer, { path: "f", content: "x" });
    await writer.finish();
    checkImage(path);
    const { size, blocks } = statSync(path);
    assert.equal(size, 8 * 2 ** 30);
    assert.ok(blocks * 512 < 2 ** 20, `${blocks * 512} bytes`);
  });

  test("abort removes the file, and does nothing after finish", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    const given = await writeExt4(smallOptions(path));
    await addEntry(given, { path: "f", content: "x" });
    await given.abort();
    await given.abort();
    assert.equal(existsSync(path), false);
    const finished = await writeExt4(smallOptions(path));
    await finished.finish();
    await finished.abort();
    assert.equal(existsSync(path), true);
  });

  test("an error in an entry leaves no file behind", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    const failing = async (): Promise<void> => {
      await using writer = await writeExt4(smallOptions(path));
      await addEntry(writer, { path: "f", uid: -1 });
    };
    await rejectsWith(failing, "root_filesystem_invalid");
    assert.equal(existsSync(path), false);
  });

  test("an abort signal stops the writing", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    const controller = new AbortController();
    const failing = async (): Promise<void> => {
      await using writer = await writeExt4(smallOptions(path, { signal: controller.signal }));
      await addEntry(writer, { path: "f", content: "x" });
      controller.abort();
      await writer.finish();
    };
    await rejectsWith(failing, "interrupted", `writing ${path} was cancelled`);
    assert.equal(existsSync(path), false);
  });

  test("an error of the content's source is passed on as it is", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using writer = await writeExt4(smallOptions(path));
    const broken = new Error("the stream broke");
    const pieces = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(broken) }) };
    const entry = { path: Buffer.from("f"), type: "file", mode: 0, uid: 0, gid: 0, size: 9 } as const;
    const rest = { mtime: epoch, xattrs: new Map() };
    await assert.rejects(writer.add({ ...entry, ...rest }, pieces), broken);
  });

  test("an existing file is not touched", async (context) => {
    const { path } = await build(context, []);
    const before = readFileSync(path);
    const message = `the directory ${JSON.stringify(dirname(path))} cannot be written: EEXIST`;
    await rejectsWith(writeExt4(smallOptions(path)), "directory_not_writable", message);
    assert.ok(readFileSync(path).equals(before));
  });

  test("names in errors are shown as UTF-8", async (context) => {
    const path = Buffer.from("größe").toString("latin1");
    await rejectsWith(build(context, [{ path, uid: -1 }]), "root_filesystem_invalid", /"größe" belongs/);
  });
});
