import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { durationOf, parseDuration } from "../../src/lib/duration.ts";
import { throwsWith } from "../support/faults.ts";

test("times are read with their units, and seconds without one", () => {
  const known: [string, number][] = [
    ["30s", 30_000],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
    ["250ms", 250],
    ["90", 90_000],
    ["0.5", 500],
    ["0", 0],
  ];
  for (const [text, ms] of known) assert.equal(parseDuration("--timeout", text), ms, text);
});

test("what is no time is refused", () => {
  for (const text of ["", "s", "10 m", "-5s", "5x", "1h 30m", "1e3", "9".repeat(30)]) {
    throwsWith(
      () => parseDuration("--timeout", text),
      "invalid_value",
      `--timeout is ${JSON.stringify(text)}, expected a time such as 30s, 10m or 1h30m`,
    );
  }
});

test("any text is a whole number of milliseconds or none", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.smhd]{0,12}$/)), (text) => {
      const ms = durationOf(text);
      assert.ok(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0), text);
    }),
  );
});
