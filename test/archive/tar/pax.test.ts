import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  formatPaxRecord,
  formatPaxTime,
  parseDecimal,
  parsePax,
  parsePaxTime,
} from "../../../src/archive/tar/pax.ts";
import { throwsWith } from "../../support/faults.ts";

function parse(text: string): Record<string, string> {
  const records = parsePax(Buffer.from(text, "latin1"), 1024);
  return Object.fromEntries([...records].map(([key, value]) => [key, value.toString("latin1")]));
}

describe("parsePax", () => {
  test("reads records, with any bytes in the values", () => {
    assert.deepEqual(parse("11 path=ab\n9 x=\0\n=\xff\n"), { path: "ab", x: "\0\n=\xff" });
    assert.deepEqual(parse(""), {});
  });

  test("takes the last of several records with one keyword", () => {
    assert.deepEqual(parse("7 a=bc\n6 a=d\n"), { a: "d" });
  });

  test("keeps an empty value, which undoes a global record", () => {
    assert.deepEqual(parse("5 a=\n"), { a: "" });
  });

  test("joins the sparse records of GNU's format 0.0", () => {
    const records = ["0", "10", "100", "5"].map((value, index) =>
      formatPaxRecord(`GNU.sparse.${index % 2 === 0 ? "offset" : "numbytes"}`, Buffer.from(value)),
    );
    assert.deepEqual(parse(Buffer.concat(records).toString("latin1")), { "GNU.sparse.map": "0,10,100,5" });
  });

  test("refuses sparse records out of order", () => {
    const message =
      "the tar data is not valid at byte 1024: an extended header has sparse offsets and lengths out of order";
    throwsWith(() => parse("25 GNU.sparse.numbytes=1\n"), "archive_invalid", message);
  });

  test("refuses malformed records, and says where", () => {
    const at = (start: number): string =>
      `the tar data is not valid at byte 1024: an extended header has a malformed record at its byte ${start}`;
    const cases: [text: string, start: number][] = [
      ["x", 0],
      ["6 a=b\n?", 6],
      ["7 a=b\n", 0], // Longer than what is there.
      ["5 a=b\n", 0], // Does not end in a newline.
      ["0 a=b\n", 0],
      ["5 abc\n", 0], // No "=".
      ["5 =b\n", 0], // No keyword.
      [" 6 a=b\n", 0],
      ["-6 a=b\n", 0],
      ["6a=bcd\n", 0],
      ["6 a=b\0", 0],
      ["99999999999999999999 a=b\n", 0],
      ["3 a\n6 a=b\n", 0], // The "=" of another record.
    ];
    for (const [text, start] of cases) {
      throwsWith(() => parse(text), "archive_invalid", at(start));
    }
  });

  test("does not keep the memory that it read", () => {
    const data = Buffer.from("6 a=b\n");
    const value = parsePax(data, 0).get("a");
    data.fill(0);
    assert.equal(value?.toString(), "b");
  });

  test("reads what formatPaxRecord writes, at every length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (value) => {
        const record = formatPaxRecord("key", Buffer.from(value));
        assert.equal(Number.parseInt(record.toString("latin1"), 10), record.length);
        assert.deepEqual(parsePax(record, 0), new Map([["key", Buffer.from(value)]]));
      }),
    );
    for (let length = 0; length < 1100; length += 1) {
      assert.equal(parsePax(formatPaxRecord("k", Buffer.alloc(length)), 0).get("k")?.length, length);
    }
  });
});

describe("parsePaxTime", () => {
  test("counts nanoseconds upwards, also before the epoch", () => {
    assert.deepEqual(parsePaxTime("12", 0), { seconds: 12, nanoseconds: 0 });
    assert.deepEqual(parsePaxTime("12.", 0), { seconds: 12, nanoseconds: 0 });
    assert.deepEqual(parsePaxTime("12.5", 0), { seconds: 12, nanoseconds: 500_000_000 });
    assert.deepEqual(parsePaxTime("12.0000000019", 0), { seconds: 12, nanoseconds: 1 });
    assert.deepEqual(parsePaxTime("-1.25", 0), { seconds: -2, nanoseconds: 750_000_000 });
    assert.deepEqual(parsePaxTime("-1", 0), { seconds: -1, nanoseconds: 0 });
    assert.deepEqual(parsePaxTime("-0", 0), { seconds: 0, nanoseconds: 0 });
  });

  test("refuses what is not a time", () => {
    for (const text of ["", "-", ".5", "1e3", "1.5.2", "+1", " 1", "0x1", "99999999999999999"]) {
      const message = `the tar data is not valid at byte 7: the mtime is "${text}", not a number of seconds`;
      throwsWith(() => parsePaxTime(text, 7), "archive_invalid", message);
    }
  });

  test("reads what formatPaxTime writes", () => {
    const seconds = fc.integer({ min: -(2 ** 45), max: 2 ** 45 });
    fc.assert(
      fc.property(
        fc.record({ seconds, nanoseconds: fc.nat(999_999_999) }, { noNullPrototype: true }),
        (time) => {
          assert.deepEqual(parsePaxTime(formatPaxTime(time), 0), time);
        },
      ),
      { examples: [[{ seconds: -1, nanoseconds: 999_999_999 }], [{ seconds: -1, nanoseconds: 0 }]] },
    );
  });
});

test("formatPaxTime writes no more digits than needed", () => {
  assert.equal(formatPaxTime({ seconds: 5, nanoseconds: 120_000_000 }), "5.12");
  assert.equal(formatPaxTime({ seconds: 5, nanoseconds: 0 }), "5");
  assert.equal(formatPaxTime({ seconds: -1, nanoseconds: 500_000_000 }), "-0.5");
});

test("parseDecimal takes nothing but whole numbers that are exact", () => {
  assert.equal(parseDecimal("9007199254740991", "uid", 0), Number.MAX_SAFE_INTEGER);
  for (const text of ["", "-1", "1.5", "1e3", "9007199254740992", "0x10"]) {
    const message = `the tar data is not valid at byte 0: the uid is "${text}", not a number`;
    throwsWith(() => parseDecimal(text, "uid", 0), "archive_invalid", message);
  }
});
