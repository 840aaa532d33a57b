import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32c } from "../../../src/image/ext4/crc32c.ts";
import { buildDirectory } from "../../../src/image/ext4/directory.ts";
import type { DirectoryEntry } from "../../../src/image/ext4/directory-entry.ts";
import { NameHasher } from "../../../src/image/ext4/hash.ts";
import { build, debugfs, type TestEntry, withoutE2fsprogs } from "./support/image.ts";

const hashSeed = new Uint32Array([1, 2, 3, 4]);
const context = { self: 12, parent: 2, seed: 5, hashSeed };

function names(count: number, length = 20): DirectoryEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${index}-`.padEnd(length, "n"),
    inode: index + 13,
    type: "file",
  }));
}

/** Entries of a block: name, inode and type, the end excluded. */
function read(block: Buffer): [string, number, number][] {
  const found: [string, number, number][] = [];
  for (let at = 0; at < 4084; at += block.readUInt16LE(at + 4)) {
    const end = at + 8 + (block[at + 6] as number);
    found.push([block.toString("latin1", at + 8, end), block.readUInt32LE(at), block[at + 7] as number]);
  }
  return found;
}

function pointers(block: Buffer, offset: number): { hash: number; block: number }[] {
  return Array.from({ length: block.readUInt16LE(offset + 2) }, (_, index) => ({
    hash: index === 0 ? 0 : block.readUInt32LE(offset + index * 8),
    block: block.readUInt32LE(offset + index * 8 + 4),
  }));
}

describe("a directory of one block", () => {
  test("is a list that begins with itself and its parent, and ends with a checksum", () => {
    const built = buildDirectory([{ name: "x", inode: 99, type: "symlink" }], context);
    const block = built?.blocks[0] as Buffer;
    assert.deepEqual(read(block), [
      [".", 12, 2],
      ["..", 2, 2],
      ["x", 99, 7],
    ]);
    assert.deepEqual([built?.blocks.length, built?.indexed], [1, false]);
    assert.equal(block.toString("hex", 4084, 4092), "000000000c0000de");
    assert.equal(block.readUInt32LE(4092), crc32c(5, block, 0, 4084));
  });

  test("is full at exactly its size", () => {
    // 4084 bytes, less 24 for the two dots: 145 entries of 28 bytes.
    assert.equal(buildDirectory(names(145), context)?.indexed, false);
    assert.equal(buildDirectory(names(146), context)?.indexed, true);
  });
});

describe("an indexed directory", () => {
  test("has all its entries in leaves ordered by hash, and the root knows where each begins", () => {
    const entries = names(2000);
    const blocks = buildDirectory(entries, context)?.blocks as Buffer[];
    const root = blocks[0] as Buffer;
    assert.deepEqual([root[28], root[29], root[30]], [1, 8, 0], "half MD4, eight bytes, no level between");
    assert.equal(root.readUInt16LE(32), 507);
    const index = pointers(root, 32);
    assert.deepEqual(
      index.map(({ block }) => block),
      blocks.slice(1).map((_, at) => at + 1),
    );
    const hasher = new NameHasher(hashSeed);
    const found = new Set<string>();
    for (const [at, { hash, block }] of index.entries()) {
      const next = index[at + 1]?.hash ?? 2 ** 32;
      for (const [name] of read(blocks[block] as Buffer)) {
        assert.ok(hasher.hash(name) >= hash - (hash % 2) && hasher.hash(name) < next);
        found.add(name);
      }
    }
    assert.equal(found.size, 2000);
  });

  test("gets a level of nodes when the root cannot point to every leaf", () => {
    const blocks = buildDirectory(names(20_000, 120), context)?.blocks as Buffer[];
    const root = blocks[0] as Buffer;
    assert.equal(root[30], 1);
    const nodes = pointers(root, 32).map(({ block }) => blocks[block] as Buffer);
    const leaves = nodes.flatMap((node) => pointers(node, 8)).map(({ block }) => block);
    assert.equal(1 + nodes.length + leaves.length, blocks.length);
    assert.equal(
      leaves.reduce((sum, leaf) => sum + read(blocks[leaf] as Buffer).length, 0),
      20_000,
    );
  });

  test("a leaf that begins with the hash that the one before ended with is marked as its continuation", () => {
    const same = Array.from(
      { length: 500 },
      () => ({ name: "a-name-like-any-other", inode: 13, type: "file" }) as const,
    );
    const blocks = buildDirectory(same, context)?.blocks as Buffer[];
    const hash = new NameHasher(hashSeed).hash("a-name-like-any-other");
    const hashes = pointers(blocks[0] as Buffer, 32).map((pointer) => pointer.hash);
    assert.ok(hashes.length > 2);
    assert.deepEqual(hashes, [0, ...hashes.slice(1).map(() => hash + 1)]);
  });

  test("e2fsck accepts it with names of all sorts, and debugfs finds every one", {
    skip: withoutE2fsprogs,
  }, async (t) => {
    const sorts = ["plain", "\xff\x80", "with space", "\xc3\xb6".repeat(40), "x".repeat(200)];
    const entries: TestEntry[] = Array.from({ length: 900 }, (_, index) => ({
      path: `d/${index}${sorts[index % 5]}`,
    }));
    const { path, reader } = await build(t, entries);
    const directory = reader.list().get("d");
    assert.equal(directory?.indexed, true);
    const listed = debugfs(path, "ls -p d").split("\n");
    assert.equal(listed.filter((line) => line.startsWith("/")).length, 902);
    for (const number of [0, 1, 2, 3, 4]) {
      const name = `${number}${sorts[number % 5]}`;
      assert.ok(
        listed.some((line) => line.endsWith(`/${name}//`) || line.includes(`/${name}/`)),
        name,
      );
    }
  });

  test("many subdirectories count as links up to 65000", async (t) => {
    const entries: TestEntry[] = Array.from({ length: 700 }, (_, index) => ({
      path: `d/${index}`,
      type: "directory",
    }));
    const { reader } = await build(t, entries);
    assert.equal(reader.list().get("d")?.links, 702);
  });
});
