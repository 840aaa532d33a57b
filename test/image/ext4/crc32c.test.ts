import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { crc32c, crc32cOfNumber } from "../../../src/image/ext4/crc32c.ts";

/** With the inversions that ext4 leaves out, as RFC 3720 has its examples. */
function usual(data: Buffer): number {
  return ~crc32c(0xffffffff, data) >>> 0;
}

function bitByBit(seed: number, data: Uint8Array): number {
  let crc = seed;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return crc >>> 0;
}

describe("CRC-32C", () => {
  test("the check value of the polynomial", () => {
    assert.equal(usual(Buffer.from("123456789")), 0xe3069283);
  });

  test("the examples of RFC 3720, B.4", () => {
    assert.equal(usual(Buffer.alloc(32)), 0x8a9136aa);
    assert.equal(usual(Buffer.alloc(32, 0xff)), 0x62a8ab43);
    assert.equal(usual(Buffer.from(Array.from({ length: 32 }, (_, at) => at))), 0x46dd794e);
  });

  test("equals the definition, for any seed and any length", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.uint8Array({ maxLength: 50 }), (seed, data) => {
        assert.equal(crc32c(seed, Buffer.from(data)), bitByBit(seed, data));
      }),
    );
  });

  test("a part is as good as a copy of it, and parts can be chained", () => {
    const data = Buffer.from("some bytes that are checked in two parts");
    assert.equal(crc32c(7, data, 5, 21), crc32c(7, data.subarray(5, 21)));
    assert.equal(crc32c(crc32c(7, data, 0, 13), data, 13), crc32c(7, data));
  });

  test("a number counts as its four bytes, lowest first", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), (seed, value) => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32LE(value);
        assert.equal(crc32cOfNumber(seed, value), crc32c(seed, bytes));
      }),
    );
  });
});
