import assert from "node:assert/strict";
import { test } from "node:test";
import { timingTable } from "../../../src/cli/output/timing.ts";

test("phases are listed in their order with their sum", () => {
  const timing = [
    { phase: "disk", ms: 26.6 },
    { phase: "hello", ms: 2400 },
  ];
  assert.equal(
    timingTable(timing),
    ["PHASE   TIME", "disk   27 ms", "hello  2.4 s", "total  2.4 s", ""].join("\n"),
  );
});
