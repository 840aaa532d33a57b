import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  backupGroups,
  blocksOfGroup,
  type Geometry,
  hasBackup,
  overheadOfGroup,
  planGeometry,
} from "../../../src/image/ext4/geometry.ts";

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

function plan(sizeBytes: number, growToBytes = 0, bytesPerInode = 16_384): Geometry {
  return planGeometry({ sizeBytes, growToBytes, bytesPerInode });
}

describe("geometry", () => {
  test("8 GiB that may grow to 2 TiB", () => {
    assert.deepEqual(plan(8 * gibibyte, 2048 * gibibyte), {
      blocks: 2_097_152,
      groups: 64,
      inodesPerGroup: 8192,
      inodeTableBlocks: 512,
      descriptorBlocks: 1,
      reservedBlocks: 127,
    });
  });

  test("a size that is no multiple of a block is rounded down", () => {
    assert.equal(plan(16 * mebibyte + 4095).blocks, 4096);
  });

  test("a last group too small for its metadata is left out", () => {
    const whole = plan(128 * mebibyte);
    assert.deepEqual(plan(128 * mebibyte + 100 * 4096), whole);
    assert.equal(whole.groups, 1);
    assert.equal(plan(256 * mebibyte).groups, 2);
  });

  test("the reserve is no larger than the format allows, and none is needed for what fits", () => {
    assert.equal(plan(gibibyte, 2 ** 60).reservedBlocks, 1024);
    assert.equal(plan(gibibyte, gibibyte).reservedBlocks, 0);
    assert.equal(plan(gibibyte, 0).reservedBlocks, 0);
  });

  test("copies of the superblock are in groups 0, 1 and the powers of 3, 5 and 7", () => {
    const groups = Array.from({ length: 130 }, (_, group) => group).filter(hasBackup);
    assert.deepEqual(groups, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    assert.deepEqual(backupGroups(plan(4 * gibibyte)), [1, 3, 5, 7, 9, 25, 27]);
  });

  test("any plan adds up", () => {
    const sizes = fc.integer({ min: 16, max: 2_000_000 }).map((blocks) => blocks * 4096);
    const inodeRatios = fc.constantFrom(1024, 4096, 16_384, 65_536);
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 2 ** 41 }), inodeRatios, (size, growTo, ratio) => {
        const geometry = plan(size, growTo, ratio);
        const last = geometry.groups - 1;
        const sum = Array.from({ length: geometry.groups }, (_, group) => blocksOfGroup(geometry, group));
        assert.equal(
          sum.reduce((all, blocks) => all + blocks, 0),
          geometry.blocks,
        );
        assert.ok(geometry.blocks * 4096 <= size);
        assert.equal(geometry.descriptorBlocks, Math.ceil(geometry.groups / 128));
        assert.equal(geometry.inodesPerGroup, geometry.inodeTableBlocks * 16);
        assert.ok(geometry.inodesPerGroup <= 32_768);
        assert.ok(last === 0 || blocksOfGroup(geometry, last) > overheadOfGroup(geometry, last));
      }),
    );
  });
});
