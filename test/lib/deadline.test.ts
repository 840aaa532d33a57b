import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sleep, within } from "../../src/lib/deadline.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { rejectsWith } from "../support/faults.ts";

const never = new Promise<never>(() => undefined);

describe("sleep", () => {
  test("ends by itself", async () => {
    assert.equal(await sleep(1), undefined);
  });

  test("ends at once when the signal aborts, before or during", async () => {
    await rejectsWith(sleep(60_000, AbortSignal.abort()), "interrupted", "waiting was cancelled");
    const abort = new AbortController();
    const sleeping = sleep(60_000, abort.signal);
    abort.abort();
    await rejectsWith(sleeping, "interrupted", "waiting was cancelled");
  });
});

describe("within", () => {
  test("gives what the promise gives", async () => {
    assert.equal(await within("adding", 1000, Promise.resolve(3)), 3);
    await rejectsWith(
      within("adding", 1000, Promise.reject(fault("vm_not_found", { ref: "a" }))),
      "vm_not_found",
    );
  });

  test("gives up at the deadline", async () => {
    await rejectsWith(
      within("the guest's hello", 20, never),
      "timed_out",
      "the guest's hello took longer than 0.02 s",
    );
  });

  test("obeys the signal", async () => {
    const abort = new AbortController();
    const waiting = within("the guest's hello", 60_000, never, abort.signal);
    abort.abort();
    await rejectsWith(waiting, "interrupted", "the guest's hello was cancelled");
  });

  test("leaves no timer that keeps the process alive", async () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    await within("nothing", 60_000, Promise.resolve());
    assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, before);
  });
});
