import assert from "node:assert/strict";
import { test } from "node:test";
import { detachedContext, type Progress, step } from "../../src/lib/context.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { rejectsWith } from "../support/faults.ts";

test("a step reports its start and its end with the time it took", async () => {
  const heard: Progress[] = [];
  const context = { ...detachedContext(), report: (progress: Progress) => void heard.push(progress) };
  assert.equal(await step(context, "vm.start", "starting dev", async () => 5), 5);
  assert.deepEqual(heard[0], { stage: "vm.start", state: "started", message: "starting dev" });
  assert.equal(heard[1]?.state, "done");
  assert.equal(heard[1]?.message, "starting dev");
  assert.ok(Number.isInteger(heard[1]?.elapsed));
  assert.equal(heard.length, 2);
});

test("a step that fails reports no end", async () => {
  const heard: Progress[] = [];
  const context = { ...detachedContext(), report: (progress: Progress) => void heard.push(progress) };
  const work = step(context, "x", "x", async () => {
    throw fault("internal", { detail: "no" });
  });
  await rejectsWith(work, "internal");
  assert.deepEqual(
    heard.map(({ state }) => state),
    ["started"],
  );
});
