import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../../src/image/ext4/crc32c.ts";
import {
  appendRun,
  buildExtentTree,
  type Extent,
  type ExtentTree,
  writeExtentRoot,
} from "../../../src/image/ext4/extents.ts";

describe("a file's extents", () => {
  test("runs that follow each other are joined", () => {
    const extents: Extent[] = [];
    appendRun(extents, 0, { start: 100, count: 5 });
    appendRun(extents, 5, { start: 105, count: 3 });
    assert.deepEqual(extents, [{ logical: 0, start: 100, count: 8 }]);
  });

  test("a hole or a jump on disk begins a new one", () => {
    const extents: Extent[] = [];
    appendRun(extents, 0, { start: 100, count: 5 });
    appendRun(extents, 6, { start: 105, count: 1 });
    appendRun(extents, 7, { start: 200, count: 1 });
    assert.deepEqual(extents, [
      { logical: 0, start: 100, count: 5 },
      { logical: 6, start: 105, count: 1 },
      { logical: 7, start: 200, count: 1 },
    ]);
  });

  test("none is longer than 32768 blocks", () => {
    const extents: Extent[] = [];
    appendRun(extents, 0, { start: 10, count: 32_000 });
    appendRun(extents, 32_000, { start: 32_010, count: 1000 });
    assert.deepEqual(extents, [
      { logical: 0, start: 10, count: 32_768 },
      { logical: 32_768, start: 32_778, count: 232 },
    ]);
  });
});

describe("the tree of extents", () => {
  test("none are a root without entries", () => {
    const root = rootOf(build([]));
    assert.equal(root.toString("hex", 0, 12), "0af300000400000000000000");
    assert.equal(
      root.subarray(12).every((byte) => byte === 0),
      true,
    );
  });

  test("up to four are in the inode", () => {
    const tree = build(many(4));
    assert.equal(tree.blocks.length, 0);
    const entry = rootOf(tree).subarray(12 + 12, 12 + 24);
    assert.deepEqual([entry.readUInt32LE(0), entry.readUInt16LE(4), entry.readUInt32LE(8)], [2, 1, 1003]);
  });

  test("up to 340 need one block, four times as many one level, more need two", () => {
    assert.deepEqual([build(many(5)).root.depth, build(many(5)).blocks.length], [1, 1]);
    assert.deepEqual([build(many(340)).root.depth, build(many(340)).blocks.length], [1, 1]);
    assert.deepEqual([build(many(1360)).root.depth, build(many(1360)).blocks.length], [1, 4]);
    assert.deepEqual([build(many(1361)).root.depth, build(many(1361)).blocks.length], [2, 6]);
  });

  test("the last four bytes of a block are its checksum", () => {
    const block = build(many(5)).blocks[0]?.bytes as Buffer;
    assert.equal(block.readUInt32LE(4092), crc32c(99, block, 0, 4092));
  });

  test("a reader finds every extent again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), (count) => {
        const extents = many(count);
        assert.deepEqual(read(build(extents)), extents);
      }),
      { numRuns: 20 },
    );
  });
});

/** Extents of one block with holes between them. */
function many(count: number): Extent[] {
  return Array.from({ length: count }, (_, index) => ({
    logical: index * 2,
    start: 1000 + index * 3,
    count: 1,
  }));
}

function build(extents: Extent[]): ExtentTree {
  let next = 500_000;
  return buildExtentTree(extents, 99, () => next++);
}

function rootOf(tree: ExtentTree): Buffer {
  const bytes = Buffer.alloc(60);
  writeExtentRoot(tree.root, bytes, 0);
  return bytes;
}

function read(tree: ExtentTree): Extent[] {
  const found: Extent[] = [];
  const visit = (node: Buffer, depth: number): void => {
    assert.equal(node.readUInt16LE(0), 0xf30a);
    assert.equal(node.readUInt16LE(6), depth);
    for (let index = 0; index < node.readUInt16LE(2); index += 1) {
      const at = 12 + index * 12;
      const logical = node.readUInt32LE(at);
      if (depth === 0)
        found.push({ logical, start: node.readUInt32LE(at + 8), count: node.readUInt16LE(at + 4) });
      else
        visit(
          tree.blocks.find(({ block }) => block === node.readUInt32LE(at + 4))?.bytes as Buffer,
          depth - 1,
        );
    }
  };
  visit(rootOf(tree), tree.root.depth);
  return found;
}
