import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Coalescer } from "../../src/lib/coalesce.ts";
import { detachedContext, type Progress } from "../../src/lib/context.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { rejectsWith } from "../support/faults.ts";

describe("Coalescer", () => {
  test("does the work once for all who ask meanwhile", async () => {
    const coalescer = new Coalescer<number>();
    const gate = Promise.withResolvers<void>();
    let times = 0;
    const work = async (): Promise<number> => {
      times += 1;
      await gate.promise;
      return 42;
    };
    const all = [1, 2, 3].map(() => coalescer.run("a", detachedContext(), work));
    gate.resolve();
    assert.deepEqual(await Promise.all(all), [42, 42, 42]);
    assert.equal(times, 1);
    assert.equal(await coalescer.run("a", detachedContext(), async () => 7), 7);
  });

  test("keeps different keys apart", async () => {
    const coalescer = new Coalescer<string>();
    const both = ["a", "b"].map((key) => coalescer.run(key, detachedContext(), async () => key));
    assert.deepEqual(await Promise.all(both), ["a", "b"]);
  });

  test("gives every waiter the same failure, and forgets it", async () => {
    const coalescer = new Coalescer<number>();
    const work = async (): Promise<number> => {
      throw fault("internal", { detail: "broken" });
    };
    const both = [1, 2].map(() => coalescer.run("a", detachedContext(), work));
    for (const one of both) await rejectsWith(one, "internal", "internal error: broken");
    assert.equal(await coalescer.run("a", detachedContext(), async () => 1), 1);
  });

  test("lets one waiter leave without stopping the others", async () => {
    const coalescer = new Coalescer<number>();
    const gate = Promise.withResolvers<void>();
    const leaver = new AbortController();
    let stopped = false;
    const work = async ({ signal }: { signal: AbortSignal }): Promise<number> => {
      signal.addEventListener("abort", () => {
        stopped = true;
      });
      await gate.promise;
      return 1;
    };
    const leaving = coalescer.run("a", detachedContext(leaver.signal), work);
    const staying = coalescer.run("a", detachedContext(), work);
    leaver.abort();
    await rejectsWith(leaving, "interrupted", "waiting for a was cancelled");
    assert.equal(stopped, false);
    gate.resolve();
    assert.equal(await staying, 1);
  });

  test("stops the work when the last waiter leaves, and makes the next one wait for its clean-up", async () => {
    const coalescer = new Coalescer<string>();
    const leaver = new AbortController();
    const log: string[] = [];
    const first = coalescer.run("a", detachedContext(leaver.signal), async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await new Promise((resolve) => setTimeout(resolve, 10));
      log.push("cleaned up");
      return "first";
    });
    setImmediate(() => leaver.abort());
    await rejectsWith(first, "interrupted", "waiting for a was cancelled");
    const second = coalescer.run("a", detachedContext(), async () => {
      log.push("second starts");
      return "second";
    });
    assert.equal(await second, "second");
    assert.deepEqual(log, ["cleaned up", "second starts"]);
  });

  test("does not begin for somebody who has already left", async () => {
    const coalescer = new Coalescer<number>();
    let begun = false;
    const run = coalescer.run("a", detachedContext(AbortSignal.abort()), async () => {
      begun = true;
      return 1;
    });
    await rejectsWith(run, "interrupted", "waiting for a was cancelled");
    assert.equal(begun, false);
  });

  test("tells those who join late what they missed, the latest of each stage", async () => {
    const coalescer = new Coalescer<number>();
    const gate = Promise.withResolvers<void>();
    const heard: Progress[] = [];
    const first = coalescer.run("a", detachedContext(), async ({ report }) => {
      report({ stage: "x", state: "started", message: "x" });
      report({ stage: "x", state: "progress", message: "x", current: 5 });
      await gate.promise;
      report({ stage: "x", state: "done", message: "x" });
      return 1;
    });
    await new Promise((resolve) => setImmediate(resolve));
    const report = (progress: Progress): void => void heard.push(progress);
    const late = coalescer.run("a", { signal: new AbortController().signal, report }, async () => 2);
    gate.resolve();
    assert.deepEqual(await Promise.all([first, late]), [1, 1]);
    assert.deepEqual(heard, [
      { stage: "x", state: "progress", message: "x", current: 5 },
      { stage: "x", state: "done", message: "x" },
    ]);
  });
});
