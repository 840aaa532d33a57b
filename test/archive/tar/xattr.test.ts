import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { xattrKeyword, xattrsOf } from "../../../src/archive/tar/xattr.ts";

function records(given: Record<string, string>): Map<string, Buffer> {
  return new Map(Object.entries(given).map(([key, value]) => [key, Buffer.from(value, "latin1")]));
}

test("attributes are the bytes of star's and GNU tar's records", () => {
  const found = xattrsOf(records({ path: "x", "SCHILY.xattr.security.capability": "\x01\0\0\x02" }));
  assert.deepEqual(found, new Map([["security.capability", Buffer.from([1, 0, 0, 2])]]));
});

test("an attribute may be empty", () => {
  assert.deepEqual(xattrsOf(records({ "SCHILY.xattr.user.a": "" })), new Map([["user.a", Buffer.alloc(0)]]));
});

test("bsdtar's records are decoded, and give way to the exact ones", () => {
  const found = xattrsOf(
    records({
      "SCHILY.xattr.user.both": "exact",
      "LIBARCHIVE.xattr.user.both": "b3RoZXI",
      "LIBARCHIVE.xattr.user.a%3D%25%20b": "AP8=",
    }),
  );
  assert.deepEqual(
    found,
    new Map([
      ["user.both", Buffer.from("exact")],
      ["user.a=% b", Buffer.from([0, 0xff])],
    ]),
  );
});

test("the records of an entry overrule global ones", () => {
  const found = xattrsOf(
    records({ "SCHILY.xattr.a": "1", "SCHILY.xattr.b": "1" }),
    records({ "SCHILY.xattr.a": "2" }),
  );
  assert.deepEqual([...found].map(String), ["a,2", "b,1"]);
});

test("an equals sign in a name is hidden as GNU tar does it", () => {
  assert.equal(xattrKeyword("user.a=b%c"), "SCHILY.xattr.user.a%3Db%25c");
  fc.assert(
    fc.property(fc.string(), (name) => {
      assert.ok(!xattrKeyword(name).includes("="));
      assert.deepEqual([...xattrsOf(new Map([[xattrKeyword(name), Buffer.alloc(0)]])).keys()], [name]);
    }),
    { examples: [["%3D"], ["%253D"], ["=%25"]] },
  );
});
