import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeAcl } from "../../../src/image/ext4/acl.ts";

function attribute(...entries: [tag: number, permissions: number, id: number][]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2);
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  }
  return bytes;
}

const none = 0xffffffff;

describe("access control lists", () => {
  test("only named users and groups keep an id", () => {
    const list = attribute(
      [1, 6, none],
      [2, 7, 70_000],
      [4, 4, none],
      [8, 5, 100],
      [0x10, 7, none],
      [0x20, 0, none],
    );
    const expected = "01000000 01000600 02000700 70110100 04000400 08000500 64000000 10000700 20000000";
    assert.equal(encodeAcl(list)?.toString("hex"), expected.replaceAll(" ", ""));
  });

  test("another version, a cut entry or an unknown tag is no list", () => {
    const list = attribute([1, 6, none]);
    list.writeUInt32LE(1);
    assert.equal(encodeAcl(list), undefined);
    assert.equal(encodeAcl(attribute([1, 6, none]).subarray(0, 11)), undefined);
    assert.equal(encodeAcl(attribute([3, 6, none])), undefined);
    assert.equal(encodeAcl(Buffer.alloc(3)), undefined);
  });

  test("no bytes at all make it fail in another way", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (raw, versioned) => {
        const bytes = Buffer.from(raw);
        if (versioned && bytes.length >= 4) bytes.writeUInt32LE(2);
        const encoded = encodeAcl(bytes);
        assert.ok(encoded === undefined || encoded.length <= bytes.length);
      }),
    );
  });
});
