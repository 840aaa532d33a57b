import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BlockAllocator, type Run, setBits } from "../../../src/image/ext4/allocator.ts";
import { planGeometry } from "../../../src/image/ext4/geometry.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { throwsWith } from "../../support/faults.ts";

const geometry = planGeometry({ sizeBytes: 300 * 2 ** 20, growToBytes: 2 ** 40, bytesPerInode: 16_384 });
const full = () => fault("root_filesystem_invalid", { entry: "x", problem: "does not fit" });

function bits(bitmap: Buffer | undefined): number[] {
  const set: number[] = [];
  for (let at = 0; at < 32_768; at += 1) if (bitmap && (bitmap[at >> 3] ?? 0) & (1 << (at % 8))) set.push(at);
  return set;
}

describe("block allocator", () => {
  test("starts with the superblocks and descriptors taken, and no bitmap", () => {
    const allocator = new BlockAllocator(geometry, full);
    const overhead = 1 + geometry.descriptorBlocks + geometry.reservedBlocks;
    assert.equal(geometry.groups, 3);
    assert.equal(allocator.freeIn(0), 32_768 - overhead);
    assert.equal(allocator.freeIn(2), geometry.blocks - 2 * 32_768);
    assert.equal(allocator.freeBlocks, geometry.blocks - 2 * overhead);
    assert.equal(allocator.bitmap(0, false), undefined);
    assert.deepEqual(
      bits(allocator.bitmap(0, true)),
      Array.from({ length: overhead }, (_, at) => at),
    );
  });

  test("gives the lowest blocks first, and those that came back", () => {
    const allocator = new BlockAllocator(geometry, full);
    const first = allocator.allocate(10);
    const second = allocator.allocate(5);
    assert.equal(second.start, first.start + 10);
    allocator.free(first);
    assert.deepEqual(allocator.allocate(3), { start: first.start, count: 3 });
    assert.deepEqual(allocator.allocate(100), { start: first.start + 3, count: 7 });
    assert.equal(allocator.allocate(1).start, second.start + 5);
  });

  test("a run ends with its group, as the next one may begin with a superblock", () => {
    const allocator = new BlockAllocator(geometry, full);
    const first = allocator.allocate(100_000);
    const second = allocator.allocate(100_000);
    assert.equal(first.start + first.count, 32_768);
    assert.equal(second.start, 32_768 + 1 + geometry.descriptorBlocks + geometry.reservedBlocks);
    assert.equal(second.start + second.count, 65_536);
  });

  test("blocks that must be together come from one group", () => {
    const allocator = new BlockAllocator(geometry, full);
    allocator.allocate(30_000);
    assert.ok(allocator.allocateTogether(5000, 0).start > 32_768);
    assert.equal(allocator.allocateTogether(100, 2).start, 65_536);
    throwsWith(() => allocator.allocateTogether(32_768, 0), "root_filesystem_invalid");
  });

  test("when nothing is left the given error is thrown", () => {
    const allocator = new BlockAllocator(geometry, full);
    while (allocator.freeBlocks > 0) allocator.allocate(40_000);
    throwsWith(() => allocator.allocate(1), "root_filesystem_invalid", /"x" does not fit$/);
    const last = bits(allocator.bitmap(2, true));
    assert.equal(last.length, 32_768, "what is past the end counts as taken");
  });

  test("takes and gives back without ever giving a block twice", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9000 }), fc.nat()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const allocator = new BlockAllocator(geometry, full);
        const initially = allocator.freeBlocks;
        const held: Run[] = [];
        for (const [take, want, which] of all) {
          if (take && allocator.freeBlocks > 0) held.push(allocator.allocate(want));
          else if (held.length > 0) allocator.free(held.splice(which % held.length, 1)[0] as Run);
        }
        const sorted = held.toSorted((a, b) => a.start - b.start);
        for (const [index, run] of sorted.entries()) {
          const next = sorted[index + 1];
          assert.ok(run.count > 0);
          assert.ok(!next || run.start + run.count <= next.start);
        }
        const count = held.reduce((sum, run) => sum + run.count, 0);
        assert.equal(allocator.freeBlocks, initially - count);
        for (const run of held) allocator.free(run);
        assert.equal(allocator.freeBlocks, initially);
      }),
      { numRuns: 50 },
    );
  });
});

test("bits are set and cleared one by one and in whole bytes alike", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), fc.boolean(), (a, b, value) => {
      const [from, end] = [Math.min(a, b), Math.max(a, b)];
      const bitmap = Buffer.alloc(4096, value ? 0 : 0xff);
      setBits(bitmap, from, end, value);
      for (let at = 0; at < 208; at += 1) {
        const set = ((bitmap[at >> 3] ?? 0) & (1 << (at % 8))) !== 0;
        assert.equal(set, at >= from && at < end ? value : !value);
      }
    }),
  );
});
