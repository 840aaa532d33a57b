import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, duration, moment } from "../../../src/cli/output/time.ts";

const now = Date.parse("2026-06-15T12:00:00.000Z");

test("how long ago something was is told in its largest unit", () => {
  const before = (seconds: number): string => ago(new Date(now - seconds * 1000).toISOString(), now);
  for (const [seconds, text] of [
    [-5, "just now"],
    [59, "just now"],
    [60, "1 minute ago"],
    [3599, "59 minutes ago"],
    [3600, "1 hour ago"],
    [90_000, "1 day ago"],
    [13 * 86_400, "1 week ago"],
    [45 * 86_400, "1 month ago"],
    [800 * 86_400, "2 years ago"],
  ] as const) {
    assert.equal(before(seconds), text);
  }
});

test("a moment is told with how long ago it was", () => {
  assert.equal(moment("2026-06-15T11:00:00.000Z", now), "2026-06-15T11:00:00.000Z (1 hour ago)");
  assert.equal(moment(undefined, now), undefined);
});

test("durations are told in the unit that fits them", () => {
  for (const [ms, text] of [
    [0, "0 ms"],
    [7.6, "8 ms"],
    [994, "994 ms"],
    [999, "1.0 s"],
    [1440, "1.4 s"],
    [59_940, "59.9 s"],
    [59_960, "1 min 0 s"],
    [125_000, "2 min 5 s"],
  ] as const) {
    assert.equal(duration(ms), text);
  }
});
