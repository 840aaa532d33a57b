import assert from "node:assert/strict";
import { test } from "node:test";
import { styleFor } from "../../../src/cli/output/style.ts";
import { Capture } from "../world.ts";

const terminal = new Capture({ columns: 80, rows: 24 });

test("a terminal gets colours, each ended where it ends", () => {
  const style = styleFor(terminal, { TERM: "xterm" });
  assert.equal(style.red("a"), "\x1b[31ma\x1b[39m");
  assert.equal(style.bold("a"), "\x1b[1ma\x1b[22m");
  assert.equal(style.red(""), "");
});

test("a pipe, NO_COLOR and a dumb terminal get none", () => {
  assert.equal(styleFor(new Capture(), {}).red("a"), "a");
  assert.equal(styleFor(terminal, { NO_COLOR: "1" }).red("a"), "a");
  assert.equal(styleFor(terminal, { TERM: "dumb" }).red("a"), "a");
});

test("an empty NO_COLOR says nothing", () => {
  assert.notEqual(styleFor(terminal, { NO_COLOR: "" }).red("a"), "a");
});
