import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatOctal, parseNumber } from "../../../src/archive/tar/number.ts";
import { throwsWith } from "../../support/faults.ts";

function parse(field: string | Buffer): number {
  const bytes = Buffer.from(field as string, "latin1");
  return parseNumber(
    Buffer.concat([Buffer.from("xx"), bytes, Buffer.from("7")]),
    2,
    bytes.length,
    "size",
    512,
  );
}

describe("parseNumber", () => {
  test("reads octal digits with whatever makers put around them", () => {
    assert.equal(parse("0000644\0"), 0o644);
    assert.equal(parse("   644 \0"), 0o644);
    assert.equal(parse("77777777"), 0o77777777);
    assert.equal(parse("644\0\0\0\0\0"), 0o644);
  });

  test("takes a blank field for zero", () => {
    assert.equal(parse("\0\0\0\0\0\0\0\0"), 0);
    assert.equal(parse("        "), 0);
  });

  test("refuses what is not octal", () => {
    const message = (shown: string): string =>
      `the tar data is not valid at byte 512: the size is "${shown}", not an octal number`;
    throwsWith(() => parse("0000648\0"), "archive_invalid", message("0000648\\u0000"));
    throwsWith(() => parse("-000001\0"), "archive_invalid", message("-000001\\u0000"));
    throwsWith(() => parse("12\x0034\0\0\0"), "archive_invalid", message("12\\u000034\\u0000\\u0000\\u0000"));
  });

  test("reads base 256, positive and negative", () => {
    assert.equal(parse(Buffer.from("8000000000000000deadbeef", "hex")), 0xdeadbeef);
    assert.equal(parse(Buffer.from("80000001", "hex")), 1);
    assert.equal(parse(Buffer.from("ffffffffffffffffffffffff", "hex")), -1);
    assert.equal(parse(Buffer.from("fffffffffffffffffffffed4", "hex")), -300);
  });

  test("refuses base 256 beyond what a number holds exactly", () => {
    const message = "the tar data is not valid at byte 512: the size is beyond 2^53";
    throwsWith(() => parse(Buffer.from("800000000020000000000000", "hex")), "archive_invalid", message);
    assert.equal(parse(Buffer.from("80000000001fffffffffffff", "hex")), Number.MAX_SAFE_INTEGER);
  });

  test("reads what formatOctal writes", () => {
    fc.assert(
      fc.property(fc.nat(0o77777777), (value) => {
        const text = formatOctal(value, 12) ?? "";
        assert.equal(text.length, 12);
        assert.equal(parse(text), value);
      }),
    );
  });
});

test("formatOctal leaves room for a NUL and says when the field is too short", () => {
  assert.equal(formatOctal(0, 8), "0000000\0");
  assert.equal(formatOctal(0o7777777, 8), "7777777\0");
  assert.equal(formatOctal(0o10000000, 8), undefined);
  assert.equal(formatOctal(-1, 8), undefined);
});
