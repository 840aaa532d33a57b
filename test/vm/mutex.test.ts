import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Mutex } from "../../src/vm/mutex.ts";
import { rejectsWith } from "../support/faults.ts";

const never = new AbortController().signal;
const turn = () => new Promise(setImmediate);

describe("a mutex", () => {
  test("lets one in at a time, in the order of arrival", async () => {
    const mutex = new Mutex();
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} in`);
      await turn();
      seen.push(`${name} out`);
      return name;
    };
    const results = await Promise.all(["a", "b", "c"].map((name) => mutex.run("it", never, work(name))));
    assert.deepEqual(results, ["a", "b", "c"]);
    assert.deepEqual(seen, ["a in", "a out", "b in", "b out", "c in", "c out"]);
    assert.equal(mutex.busy, false);
  });

  test("is free again after work that throws", async () => {
    const mutex = new Mutex();
    await assert.rejects(
      mutex.run("it", never, () => Promise.reject(new RangeError("no"))),
      RangeError,
    );
    assert.equal(mutex.busy, false);
    assert.equal(await mutex.run("it", never, async () => 1), 1);
  });

  test("lets those go who do not want to wait any more, and nobody else", async () => {
    const mutex = new Mutex();
    const first = Promise.withResolvers<void>();
    const holding = mutex.run("it", never, () => first.promise);
    const abort = new AbortController();
    const leaving = mutex.run("the turn", abort.signal, async () => assert.fail("not its turn"));
    const staying = mutex.run("it", never, async () => "stayed");
    abort.abort();
    await rejectsWith(leaving, "interrupted", "the turn was cancelled");
    assert.equal(mutex.busy, true);
    first.resolve();
    await holding;
    assert.equal(await staying, "stayed");
    assert.equal(mutex.busy, false);
  });

  test("does not let in who was cancelled before", async () => {
    const mutex = new Mutex();
    await rejectsWith(
      mutex.run("it", AbortSignal.abort(), async () => 1),
      "interrupted",
    );
    assert.equal(mutex.busy, false);
  });

  test("does not care for a cancel once it has let in", async () => {
    const mutex = new Mutex();
    const abort = new AbortController();
    const result = mutex.run("it", abort.signal, async () => {
      abort.abort();
      await turn();
      return "done";
    });
    assert.equal(await result, "done");
  });
});
