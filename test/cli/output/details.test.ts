import assert from "node:assert/strict";
import { test } from "node:test";
import { details } from "../../../src/cli/output/details.ts";

test("values stand under each other, and what has none is left out", () => {
  assert.equal(
    details([
      ["name", "dev"],
      ["reason", undefined],
      ["created at", "\x1b"],
    ]),
    "name:        dev\ncreated at:  \\x1b\n",
  );
  assert.equal(details([]), "");
});
