import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, speed } from "../../../src/cli/output/stage.ts";

const stage = { stage: "a", state: "progress", message: "m" } as const;

test("how far a stage is depends on what is known", () => {
  assert.equal(amount(stage), "");
  assert.equal(amount({ ...stage, current: 3 * 2 ** 20, unit: "bytes" }), "3 MiB");
  assert.equal(
    amount({ ...stage, current: 2 ** 20, total: 4 * 2 ** 20, unit: "bytes" }),
    "1 MiB of 4 MiB (25%)",
  );
  assert.equal(amount({ ...stage, current: 1204, total: 8743, unit: "items" }), "1,204 of 8,743 (13%)");
});

test("more than all is all, and a total of nothing is none", () => {
  assert.equal(amount({ ...stage, current: 5, total: 4 }), "5 of 4 (100%)");
  assert.equal(amount({ ...stage, current: 5, total: 0 }), "5");
});

test("only bytes that come have a speed", () => {
  const bytes = { ...stage, current: 5, unit: "bytes" } as const;
  assert.equal(speed(bytes, 4.2 * 2 ** 20), "4.2 MiB/s");
  assert.equal(speed(bytes, 1500.4), "1.5 KiB/s");
  assert.equal(speed(bytes, undefined), "");
  assert.equal(speed(bytes, 0), "");
  assert.equal(speed({ ...bytes, unit: "items" }, 7), "");
  assert.equal(speed(stage, 7), "");
});
