import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Interrupts, statusOf } from "../../src/cli/interrupts.ts";
import { FakeProcess } from "./world.ts";

describe("interrupts", () => {
  test("leave signals to the system until somebody wants to know", () => {
    const process = new FakeProcess();
    const interrupts = new Interrupts(process);
    assert.equal(process.listenerCount("SIGINT"), 0);
    assert.equal(interrupts.signal.aborted, false);
    assert.equal(interrupts.signal.aborted, false);
    assert.equal(process.listenerCount("SIGINT"), 1);
  });

  test("ask the work to stop at the first signal and leave at the second", () => {
    const process = new FakeProcess();
    const interrupts = new Interrupts(process);
    const { signal } = interrupts;
    const seen: string[] = [];
    interrupts.onFirst((name) => seen.push(name));
    assert.equal(interrupts.status, undefined);
    process.send("SIGINT");
    assert.deepEqual([signal.aborted, interrupts.status, seen, process.exits], [true, 130, ["SIGINT"], []]);
    process.send("SIGTERM");
    assert.deepEqual([interrupts.status, seen, process.exits], [130, ["SIGINT"], [143]]);
  });

  test("go to who has taken them, and come back after", async () => {
    const process = new FakeProcess();
    const interrupts = new Interrupts(process);
    const seen: string[] = [];
    const value = await interrupts.during(
      (name) => seen.push(name),
      async () => {
        for (const name of ["SIGINT", "SIGINT", "SIGHUP", "SIGQUIT"] as const) process.send(name);
        return 7;
      },
    );
    assert.deepEqual([value, seen, process.exits], [7, ["SIGINT", "SIGINT", "SIGHUP", "SIGQUIT"], []]);
    assert.equal(interrupts.status, undefined);
    process.send("SIGHUP");
    assert.deepEqual([interrupts.signal.aborted, interrupts.status], [true, 129]);
  });

  test("come back also when the work fails", async () => {
    const process = new FakeProcess();
    const interrupts = new Interrupts(process);
    const failing = interrupts.during(
      () => undefined,
      async () => {
        throw new TypeError("no");
      },
    );
    await assert.rejects(failing, TypeError);
    process.send("SIGINT");
    assert.equal(interrupts.signal.aborted, true);
  });
});

test("the status of a signal is 128 and its number", () => {
  assert.deepEqual([statusOf("SIGINT"), statusOf("SIGTERM"), statusOf("SIGKILL")], [130, 143, 137]);
});
