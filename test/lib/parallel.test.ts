import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { detachedContext } from "../../src/lib/context.ts";
import { inParallel } from "../../src/lib/parallel.ts";

const context = detachedContext();

describe("work in parallel", () => {
  test("gives results in the order of the items, however long each takes", async () => {
    const doubled = await inParallel([3, 1, 2], 2, context, async (item, index) => {
      for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
      return [item * 2, index];
    });
    assert.deepEqual(doubled, [
      [6, 0],
      [2, 1],
      [4, 2],
    ]);
    assert.deepEqual(await inParallel([], 2, context, async () => 1), []);
  });

  test("is of so many items at most", async () => {
    let [running, most] = [0, 0];
    await inParallel(Array.from({ length: 20 }), 3, context, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    });
    assert.equal(most, 3);
  });

  test("stops at the first failure, which is thrown when all others have ended", async () => {
    const failure = new TypeError("the first");
    const ended: number[] = [];
    const work = inParallel([0, 1, 2, 3], 2, context, async (item, _, { signal }) => {
      if (item === 1) throw failure;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      ended.push(item);
      throw new TypeError("its consequence");
    });
    await assert.rejects(work, failure);
    assert.deepEqual(ended, [0]);
  });
});
