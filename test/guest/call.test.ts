import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { rejectsWith } from "../support/faults.ts";
import { connected, never } from "./agent-double.ts";

describe("a call to the guest", () => {
  test("whose agent does not know the operation says so, whatever was asked", async () => {
    await using c = await connected({ version: 1 });
    const [syncing, running] = [c.agent.sync(never), c.agent.exec({ args: ["true"] }, never)];
    for (let i = 0; i < 2; i += 1) c.double.result((await c.double.next(frameTypes.open)).stream, 38);
    await rejectsWith(syncing, "guest_outdated", "the machine's agent is too old to flush its disks");
    await rejectsWith(running, "guest_outdated", "the machine's agent is too old to run true");
  });

  test("that is cancelled is reset in the guest, and a late answer is nobody's", async () => {
    await using c = await connected();
    const stop = new AbortController();
    const syncing = c.agent.sync(stop.signal);
    const { stream } = await c.double.next(frameTypes.open);
    stop.abort(new Error("Ctrl-C"));
    const error = await rejectsWith(
      syncing,
      "interrupted",
      "asking the guest to flush its disks was cancelled",
    );
    assert.deepEqual(error.causes, ["Ctrl-C"]);
    assert.equal((await c.double.next(frameTypes.reset)).stream, stream);
    c.double.result(stream);
    const again = c.agent.sync(never);
    c.double.result((await c.double.next(frameTypes.open)).stream);
    await again;
  });

  test("that was cancelled before it began is not made", async () => {
    await using c = await connected();
    await rejectsWith(
      c.agent.exec({ args: ["true"] }, AbortSignal.abort()),
      "interrupted",
      "asking the guest to run true was cancelled",
    );
    assert.deepEqual(c.double.frames, []);
  });

  test("that is never answered ends at its deadline, also in the guest", async (context: TestContext) => {
    await using c = await connected();
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const asking = c.agent.info(never);
    const { stream } = await c.double.next(frameTypes.open);
    context.mock.timers.tick(9_999);
    await turn();
    assert.deepEqual(c.double.frames, []);
    context.mock.timers.tick(1);
    await rejectsWith(asking, "timed_out", "asking the guest to say how it is took longer than 10 s");
    assert.equal((await c.double.next(frameTypes.reset)).stream, stream);
  });

  test("leaves nothing on its signal, however it ends", async () => {
    await using c = await connected();
    const stop = new AbortController();
    let listeners = 0;
    const { signal } = stop;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const good = c.agent.sync(signal);
    c.double.result((await c.double.next(frameTypes.open)).stream);
    await good;
    const bad = c.agent.sync(signal);
    c.double.result((await c.double.next(frameTypes.open)).stream, 5);
    await rejectsWith(bad, "guest_refused");
    assert.equal(listeners, 0);
  });

  test("that the agent resets is refused with its reason", async () => {
    await using c = await connected();
    const syncing = c.agent.sync(never);
    const { stream } = await c.double.next(frameTypes.open);
    const payload = new FieldWriter().u32(1, 71).text(2, "credit").finish();
    c.double.send({ type: frameTypes.reset, stream, payload });
    await rejectsWith(syncing, "guest_refused", "the guest could not flush its disks: credit (EPROTO)");
  });

  test("gets the answer to its own question, in whatever order answers come", async () => {
    await using c = await connected();
    const calls = ["/a", "/b", "/c"].map((path) =>
      c.agent.putFile({ path, content: "", onlyIfMissing: true }, never),
    );
    const ids: number[] = [];
    for (const _ of calls) ids.push((await c.double.next(frameTypes.open)).stream);
    assert.deepEqual(ids, [1, 2, 3]);
    c.double.result(3);
    c.double.result(1, 17);
    c.double.result(2);
    assert.deepEqual(await Promise.all(calls), [false, true, true]);
  });
});
