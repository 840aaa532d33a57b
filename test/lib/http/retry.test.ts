import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { retrying } from "../../../src/lib/http/retry.ts";
import { rejectsWith } from "../../support/faults.ts";

const busy = (more: object = {}): Error =>
  fault("archive_unreachable", { url: "http://x/", reason: "HTTP 429", status: 429, ...more });

/** Milliseconds that are waited before each further attempt, of work that fails with these one after the other. */
async function pauses(t: TestContext, failures: Error[]): Promise<number[]> {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const began: number[] = [];
  const done = retrying({ signal: new AbortController().signal }, async () => {
    began.push(Date.now());
    const failure = failures[began.length - 1];
    if (failure) throw failure;
  });
  let isDone = false;
  const ended = done.finally(() => {
    isDone = true;
  });
  ended.catch(() => undefined);
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(100);
  }
  await ended;
  return began.slice(1).map((time, index) => time - (began[index] ?? 0));
}

describe("trying again", () => {
  test("waits longer each time", async (t) => {
    assert.deepEqual(await pauses(t, [busy(), busy(), busy()]), [500, 1000, 2000]);
  });

  test("waits as long as the server asks for, within reason", async (t) => {
    assert.deepEqual(await pauses(t, [busy({ retryAfter: 7 }), busy({ retryAfter: 3600 })]), [7000, 30_000]);
  });

  test("is over after four failures in a row, and at once where waiting does not help", async (t) => {
    await rejectsWith(pauses(t, [busy(), busy(), busy(), busy()]), "archive_unreachable");
    const calls: number[] = [];
    const gone = fault("archive_unreachable", { url: "http://x/", reason: "HTTP 404", status: 404 });
    const work = async (): Promise<void> => {
      calls.push(1);
      throw gone;
    };
    await assert.rejects(retrying({ signal: new AbortController().signal }, work), gone);
    assert.equal(calls.length, 1);
  });
});
