import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { crc32c, crc32cOfNumber } from "../../../src/image/ext4/crc32c.ts";
import { writeExt4 } from "../../../src/image/ext4/writer.ts";
import {
  addEntry,
  checkImage,
  debugfs,
  epoch,
  hashSeed,
  smallOptions,
  uuid,
  withoutE2fsprogs,
} from "./support/image.ts";

/** One image for all: 8 GiB that can grow, with a journal and one file. */
const directory = mkdtempSync(join(tmpdir(), "banger-test-"));
const path = join(directory, "image");
after(() => rmSync(directory, { recursive: true }));
before(async () => {
  const options = {
    sizeBytes: 8 * 2 ** 30,
    journalBytes: 64 * 2 ** 20,
    growToBytes: 2 * 2 ** 40,
    label: "größe",
  };
  await using writer = await writeExt4(smallOptions(path, options));
  await addEntry(writer, { path: "f", content: Buffer.alloc(40 * 2 ** 20, 1) });
  await writer.finish();
});

function read(block: number, blocks = 1): Buffer {
  const bytes = Buffer.alloc(blocks * 4096);
  const file = openSync(path, "r");
  readSync(file, bytes, 0, bytes.length, block * 4096);
  closeSync(file);
  return bytes;
}

const group = (number: number): Buffer => read(1).subarray(number * 32, (number + 1) * 32);

describe("the whole image", () => {
  test("e2fsck finds nothing to say", () => checkImage(path));

  test("the superblock says who it is", () => {
    const superblock = read(0).subarray(1024, 2048);
    assert.equal(superblock.readUInt16LE(0x38), 0xef53);
    assert.ok(superblock.subarray(0x68, 0x78).equals(uuid));
    assert.equal(superblock.toString("utf8", 0x78, 0x78 + 7), "größe");
    assert.ok(superblock.subarray(0xec, 0xfc).equals(hashSeed));
    assert.equal(superblock.readUInt32LE(0x108), epoch.seconds);
    assert.equal(superblock.readUInt32LE(0x3fc), crc32c(0xffffffff, superblock, 0, 0x3fc));
  });

  test("whoever mounts it is told not to fill inode tables with zeros", () => {
    assert.equal(read(0).toString("latin1", 1024 + 0x200, 1024 + 0x210), "noinit_itable\0\0\0");
  });

  test("debugfs names the features", { skip: withoutE2fsprogs }, () => {
    const features = /^Filesystem features: +(.*)$/m.exec(debugfs(path, "stats -h"))?.[1];
    const expected = [
      "has_journal ext_attr resize_inode dir_index filetype extent flex_bg sparse_super large_file",
      "huge_file dir_nlink extra_isize metadata_csum",
    ];
    assert.equal(features?.trim(), expected.join(" "));
  });

  test("copies of the superblock say in which group they are, and have the same descriptors", () => {
    for (const number of [1, 3, 5, 7, 9, 25, 27, 49]) {
      const copy = read(number * 32_768, 2);
      assert.equal(copy.readUInt16LE(0x5a), number);
      assert.equal(copy.readUInt32LE(0x3fc), crc32c(0xffffffff, copy, 0, 0x3fc));
      assert.ok(copy.subarray(4096).equals(read(1)));
    }
  });

  test("groups without a file have neither bitmap nor inodes on disk, and no table to be zeroed", () => {
    const flags = Array.from({ length: 64 }, (_, number) => group(number).readUInt16LE(0x12));
    assert.equal(flags[0], 4);
    assert.equal(flags[1], 5, "files, but no inode");
    assert.equal(flags[2], 7);
    assert.equal(flags[16], 5, "bitmaps and tables of sixteen groups");
    assert.equal(flags[63], 5, "the last one");
    assert.equal(flags.filter((flag) => flag === 7).length, 64 - 6);
  });

  test("a descriptor has checksums of itself and of its bitmaps", () => {
    const seed = crc32c(0xffffffff, uuid);
    const descriptor = Buffer.from(group(0));
    const stored = descriptor.readUInt16LE(0x1e);
    descriptor.writeUInt16LE(0, 0x1e);
    assert.equal(stored, crc32c(crc32cOfNumber(seed, 0), descriptor) & 0xffff);
    const bitmap = read(descriptor.readUInt32LE(0));
    assert.equal(descriptor.readUInt16LE(0x18), crc32c(seed, bitmap) & 0xffff);
    const inodes = read(descriptor.readUInt32LE(4));
    assert.equal(descriptor.readUInt16LE(0x1a), crc32c(seed, inodes, 0, 1024) & 0xffff);
  });

  test("the journal is empty and as long as asked for", { skip: withoutE2fsprogs }, () => {
    assert.match(debugfs(path, "stats -h"), /^Journal backup: +inode blocks$/m);
    assert.match(debugfs(path, "stat <8>"), /Size: 67108864/);
    assert.equal(debugfs(path, "logdump").trim(), "Journal starts at block 0, transaction 1");
  });

  test("the reserve lists the copies of each descriptor block to come", () => {
    const table = group(0).readUInt32LE(8);
    const inode = read(table).subarray(6 * 256, 7 * 256);
    const top = read(inode.readUInt32LE(0x28 + 13 * 4));
    assert.equal(top.readUInt32LE(0), 0);
    assert.equal(top.readUInt32LE(4), 2, "after the superblock and one block in use");
    const pointers = read(2);
    const expected = [1, 3, 5, 7, 9, 25, 27, 49].map((number) => number * 32_768 + 2);
    assert.deepEqual(
      expected.map((_, index) => pointers.readUInt32LE(index * 4)),
      expected,
    );
    assert.equal(inode.readUInt32LE(0x1c), (1 + 127 * 9) * 8);
  });
});
