import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cut, pad, printable, width } from "../../../src/cli/output/width.ts";

test("a width counts the columns that a terminal uses", () => {
  for (const [text, columns] of [
    ["", 0],
    ["plain", 5],
    ["naïve", 5],
    ["e\u0301", 1],
    ["日本", 4],
    ["한글", 4],
    ["🚀", 2],
    ["ａ", 2],
    ["a\u200bb", 2],
    ["…·╰▶", 4],
  ] as const) {
    assert.equal(width(text), columns, JSON.stringify(text));
  }
});

test("padding fills up on either side, and never cuts", () => {
  assert.equal(pad("日", 4), "日  ");
  assert.equal(pad("7", 3, "left"), "  7");
  assert.equal(pad("long", 2), "long");
});

test("a text that is cut ends with a mark and is not wider than asked", () => {
  assert.equal(cut("machine", 7), "machine");
  assert.equal(cut("machine", 4), "mac…");
  assert.equal(cut("日本語", 4), "日…");
  assert.equal(cut("machine", 0), "");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, columns) => {
      assert.ok(width(cut(text, columns)) <= columns);
    }),
  );
});

test("what would steer a terminal is shown instead of obeyed", () => {
  assert.equal(printable("a\x1b[31mb\x07\x7f\x9b"), "a\\x1b[31mb\\x07\\x7f\\x9b");
  assert.equal(printable("\u202egnp.exe"), "\\x202egnp.exe");
  assert.equal(printable("two\nlines\tand a tab, ä 日"), "two\nlines\tand a tab, ä 日");
});

test("nothing printable has a control character left but tab and line feed", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(printable(text), /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
  );
});
