import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../../src/image/ext4/crc32c.ts";
import { encodeDevice, type Inode, newInode, writeInode } from "../../../src/image/ext4/inode.ts";

const created = { seconds: 1_000, nanoseconds: 7 };
const attributes = { mode: 0o644, uid: 1, gid: 2, modified: { seconds: 5, nanoseconds: 6 } };

function encode(changes: Partial<Inode> = {}, seed = 3): Buffer {
  const bytes = Buffer.alloc(256, 0xee);
  writeInode({ ...newInode(12, "file", attributes), ...changes }, bytes, { created, seed });
  return bytes;
}

describe("an inode on disk", () => {
  test("has type and mode in one field, and no byte left over from before", () => {
    const bytes = encode();
    assert.equal(bytes.readUInt16LE(0), 0o100644);
    assert.equal(bytes.includes(0xee), false);
  });

  test("a directory begins with two links, anything else with one", () => {
    assert.equal(newInode(12, "directory", attributes).links, 2);
    assert.equal(newInode(12, "fifo", attributes).links, 1);
  });

  test("a directory with more links than fit has one", () => {
    assert.equal(encode({ links: 65_000 }).readUInt16LE(0x1a), 65_000);
    assert.equal(encode({ links: 65_001 }).readUInt16LE(0x1a), 1);
  });

  test("its blocks are counted in sectors, that of its attributes included", () => {
    const runs = [{ start: 9, count: 3 }];
    assert.equal(encode({ runs }).readUInt32LE(0x1c), 24);
    assert.equal(encode({ runs, attributeBlock: 77 }).readUInt32LE(0x1c), 32);
    assert.equal(encode({ attributeBlock: 77 }).readUInt32LE(0x68), 77);
    const huge = encode({ runs: [{ start: 0, count: 2 ** 30 }] });
    assert.deepEqual([huge.readUInt32LE(0x1c), huge.readUInt16LE(0x74)], [0, 2]);
  });

  test("the checksum is over all of it, with its own two fields zero", () => {
    const bytes = encode({}, 42);
    const stored = bytes.readUInt16LE(0x7c) + bytes.readUInt16LE(0x82) * 65_536;
    bytes.writeUInt16LE(0, 0x7c);
    bytes.writeUInt16LE(0, 0x82);
    assert.equal(stored, crc32c(42, bytes));
  });

  test("times, owners and sizes are read back as they were", () => {
    const seconds = fc.integer({ min: -(2 ** 31), max: 15_032_385_535 });
    const time = fc
      .tuple(seconds, fc.nat(999_999_999))
      .map(([seconds, nanoseconds]) => ({ seconds, nanoseconds }));
    const id = fc.integer({ min: 0, max: 2 ** 32 - 2 });
    fc.assert(
      fc.property(time, id, id, fc.integer({ min: 0, max: 2 ** 44 }), (modified, uid, gid, size) => {
        const bytes = encode({ modified, uid, gid, size });
        const high = bytes.readUInt32LE(0x88);
        const seconds = bytes.readInt32LE(0x10) + (high & 3) * 2 ** 32;
        assert.deepEqual({ seconds, nanoseconds: high >>> 2 }, modified);
        assert.equal(bytes.readUInt16LE(2) + bytes.readUInt16LE(0x78) * 65_536, uid);
        assert.equal(bytes.readUInt16LE(0x18) + bytes.readUInt16LE(0x7a) * 65_536, gid);
        assert.equal(bytes.readUInt32LE(4) + bytes.readUInt32LE(0x6c) * 2 ** 32, size);
      }),
    );
  });

  test("device numbers take the old form when they fit it", () => {
    assert.equal(encodeDevice(8, 255), "\xff\x08\0\0\0\0\0\0");
    assert.equal(encodeDevice(8, 256), "\0\0\0\0\x00\x08\x10\0");
  });
});
