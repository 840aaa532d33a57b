import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { table, terminalWidth } from "../../../src/cli/output/table.ts";
import { width } from "../../../src/cli/output/width.ts";
import { Capture } from "../world.ts";

const columns = [
  { title: "NAME", shrinks: true },
  { title: "SIZE", align: "right" },
  { title: "NOTE", shrinks: true },
] as const;

test("columns are as wide as their widest cell, and lines have no spaces at their end", () => {
  const rows = [
    ["dev", "8 GiB", ""],
    ["日本", "512 MiB", "hot"],
  ];
  assert.equal(
    table(columns, rows, undefined),
    ["NAME     SIZE  NOTE", "dev     8 GiB", "日本  512 MiB  hot", ""].join("\n"),
  );
});

test("a table without rows has its titles", () => {
  assert.equal(table(columns, [], 80), "NAME  SIZE  NOTE\n");
});

test("on a narrow terminal the widest of the columns that may shrink lose their ends", () => {
  const rows = [["a-rather-long-name", "1 GiB", "something to say"]];
  const text = table(columns, rows, 30);
  assert.equal(text, ["NAME         SIZE  NOTE", "a-rather-…  1 GiB  something …", ""].join("\n"));
});

test("cells cannot steer the terminal", () => {
  assert.match(table(columns, [["\x1b[2J", "", ""]], undefined), /\\x1b\[2J/);
});

test("a table fits any terminal that is wide enough for what may not shrink", () => {
  const cell = fc.string({ unit: "grapheme-composite", maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, fc.constant("8 GiB"), cell)),
      fc.integer({ min: 24, max: 120 }),
      (rows, limit) => {
        const lines = table(columns, rows, limit)
          .split("\n")
          .slice(0, rows.length + 1);
        for (const line of lines.filter((text) => !/[\n\t]/.test(text)))
          assert.ok(width(line) <= limit, line);
      },
    ),
    { numRuns: 50 },
  );
});

test("only a terminal limits the width", () => {
  assert.equal(terminalWidth(new Capture({ columns: 90, rows: 20 })), 90);
  assert.equal(terminalWidth(new Capture()), undefined);
  assert.equal(terminalWidth(new Capture({ columns: 0, rows: 0 })), undefined);
});
