import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  encodeAttributeBlock,
  fitsBlock,
  placeAttributes,
  toDiskAttributes,
} from "../../../src/image/ext4/xattr.ts";
import { build, debugfs, withoutE2fsprogs } from "./support/image.ts";

const capability = Buffer.from("0100000200240000000000000000000000000000", "hex");
const disk = (entries: Record<string, string>) =>
  toDiskAttributes(new Map(Object.entries(entries).map(([name, value]) => [name, Buffer.from(value)])));

describe("extended attributes", () => {
  test("the beginning of a name becomes a number, and the order is that of a block", () => {
    const attributes = disk({
      "user.zz": "1",
      "security.capability": "2",
      "user.aaa": "3",
      "trusted.t": "4",
      "user.b": "5",
    });
    assert.deepEqual(
      attributes.map(({ index, name }) => `${index} ${name}`),
      ["1 b", "1 zz", "1 aaa", "4 t", "6 capability"],
    );
  });

  test("names of other systems are left out", () => {
    assert.deepEqual(
      disk({ "com.apple.quarantine": "x", "system.data": "x", "user.": "x", "system.posix_acl_access": "x" }),
      [],
    );
  });

  test("small ones are in the inode, the first that does not fit and what is larger in a block", () => {
    const small = placeAttributes(disk({ "security.capability": "x".repeat(20) }));
    assert.equal(small.inline?.length, 96);
    assert.deepEqual(small.overflow, []);
    const mixed = placeAttributes(disk({ "user.big": "x".repeat(100), "user.small": "x" }));
    assert.deepEqual(
      mixed.overflow.map(({ name }) => name.toString()),
      ["big"],
    );
    assert.notEqual(mixed.inline, undefined);
  });

  test("the inode holds 92 bytes of them: an entry of 16, name and value in fours, an end of 4", () => {
    assert.equal(placeAttributes(disk({ "user.abcd": "x".repeat(68) })).overflow.length, 0);
    assert.equal(placeAttributes(disk({ "user.abcd": "x".repeat(69) })).overflow.length, 1);
  });

  test("a block holds 4060 bytes of them", () => {
    assert.equal(fitsBlock(disk({ "user.abcd": "x".repeat(4040) })), true);
    assert.equal(fitsBlock(disk({ "user.abcd": "x".repeat(4041) })), false);
  });

  test("a block names its users, and a different number gives a different checksum", () => {
    const attributes = disk({ "user.k": "value" });
    const [one, two] = [encodeAttributeBlock(attributes, 7, 1), encodeAttributeBlock(attributes, 8, 1)];
    assert.equal(one.readUInt32LE(0), 0xea020000);
    assert.deepEqual([one.readUInt32LE(4), one.readUInt32LE(8)], [1, 1]);
    assert.notEqual(one.readUInt32LE(0x10), two.readUInt32LE(0x10));
    assert.ok(one.subarray(0x14).equals(two.subarray(0x14)));
  });

  test("every kind of file keeps them, bytes exact", async (context) => {
    const xattrs = {
      "user.text": "text",
      "user.binary": Buffer.from([0, 255, 10, 0]),
      "trusted.empty": "",
      "security.capability": capability,
    };
    const big = { "user.big": Buffer.alloc(3000, 1), "user.small": "s" };
    const { reader, summary } = await build(context, [
      { path: "f", content: "x", xattrs },
      { path: "d", type: "directory", xattrs: big },
      { path: "l", type: "symlink", link: "f", xattrs: { "trusted.overlay": "y" } },
      { path: "p", type: "fifo", xattrs: { "security.selinux": "context" } },
      { path: "n", xattrs: { "com.apple.x": "1", "user.gr\xc3\xb6\xc3\x9fe": "x".repeat(200) } },
    ]);
    const found = reader.list();
    const expected = Object.entries(xattrs).map(([name, value]): [string, Buffer] => [
      name,
      Buffer.from(value),
    ]);
    assert.deepEqual(found.get("f")?.xattrs, new Map(expected));
    assert.deepEqual(found.get("d")?.xattrs.get("user.big"), big["user.big"]);
    assert.deepEqual(found.get("d")?.xattrs.get("user.small"), Buffer.from("s"));
    assert.deepEqual(found.get("l")?.xattrs.get("trusted.overlay"), Buffer.from("y"));
    assert.deepEqual(found.get("p")?.xattrs.get("security.selinux"), Buffer.from("context"));
    assert.equal(found.get("n")?.xattrs.size, 1);
    assert.equal(summary.skippedAttributes, 1);
  });

  test("debugfs reads the same", { skip: withoutE2fsprogs }, async (context) => {
    const { path } = await build(context, [
      {
        path: "f",
        xattrs: {
          "user.note": "hello world",
          "security.capability": capability,
          "user.long": "v".repeat(500),
        },
      },
    ]);
    assert.equal(debugfs(path, "ea_get f user.note").trim(), 'user.note (11) = "hello world"');
    assert.equal(debugfs(path, "ea_get f user.long").trim(), `user.long (500) = "${"v".repeat(500)}"`);
    assert.match(debugfs(path, "ea_list f"), /security\.capability \(20\)/);
  });

  test("an access control list is translated", { skip: withoutE2fsprogs }, async (context) => {
    const entries = "0100060000000000 0200070070110100 0400040000000000 1000070000000000 2000000000000000";
    const list = Buffer.from(`02000000${entries.replaceAll(" ", "")}`, "hex");
    const { path, reader } = await build(context, [
      { path: "f", xattrs: { "system.posix_acl_access": list } },
    ]);
    const stored = reader.list().get("f")?.xattrs.get("system.posix_acl_access");
    assert.equal(stored?.toString("hex"), "01000000010006000200070070110100040004001000070020000000");
    assert.match(debugfs(path, "ea_list f"), /system\.posix_acl_access \(28\)/);
  });

  test("any attributes that fit are found again", async (context) => {
    const name = fc.tuple(
      fc.constantFrom("user.", "trusted.", "security."),
      fc.string({ minLength: 1, maxLength: 40 }),
    );
    const printable = name.map(([prefix, rest]) => prefix + rest.replaceAll(/[^!-~]/g, "x"));
    const value = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const sets = fc.sample(fc.array(fc.tuple(printable, value), { maxLength: 8 }), { numRuns: 60, seed: 7 });
    const { reader } = await build(
      context,
      sets.map((set, index) => ({ path: `f${index}`, xattrs: Object.fromEntries(set) })),
    );
    const found = reader.list();
    for (const [index, set] of sets.entries()) {
      const expected = new Map(set);
      const actual = found.get(`f${index}`)?.xattrs;
      assert.equal(actual?.size, expected.size);
      for (const [key, bytes] of expected) assert.deepEqual(actual?.get(key), bytes);
    }
  });
});
