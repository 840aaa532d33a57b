import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { frameTypes } from "../../src/guest/frames.ts";
import { Heartbeat } from "../../src/guest/heartbeat.ts";
import { rejectsWith } from "../support/faults.ts";
import { connected, never } from "./agent-double.ts";

describe("a heartbeat", () => {
  test("asks at every look, and gives up after its patience, once", (context: TestContext) => {
    const { seen, tick } = setUp(context);
    tick(6);
    assert.deepEqual(seen, ["ask", "ask", "ask", "silence"]);
  });

  test("begins anew whenever something is heard", (context: TestContext) => {
    const { seen, tick, heart } = setUp(context);
    for (let i = 0; i < 10; i += 1) {
      tick(3);
      heart.heard();
    }
    assert.ok(!seen.includes("silence"));
  });

  test("that is stopped does nothing", (context: TestContext) => {
    const { seen, tick, heart } = setUp(context);
    heart.stop();
    tick(9);
    assert.deepEqual(seen, []);
  });
});

describe("a channel that hangs", () => {
  test("is closed after 30 s without a byte, and what waits on it learns why", async (context: TestContext) => {
    context.mock.timers.enable({ apis: ["setInterval"] });
    await using c = await connected();
    const starting = c.agent.exec({ args: ["victim"] }, never);
    await c.double.started();
    const process = await starting;
    for (let i = 0; i < 4; i += 1) {
      context.mock.timers.tick(10_000);
      await turn();
    }
    const message = "the connection to the machine ended: nothing came from the guest for 30 s";
    await rejectsWith(process.exited, "channel_closed", message);
    assert.equal((await c.agent.closed).message, message);
    assert.deepEqual(
      c.double.frames.map(({ type }) => type),
      [frameTypes.ping],
    );
  });

  test("is not taken for one on which the guest answers", async (context: TestContext) => {
    context.mock.timers.enable({ apis: ["setInterval"] });
    await using c = await connected();
    for (let i = 0; i < 10; i += 1) {
      context.mock.timers.tick(10_000);
      const { payload } = await c.double.next(frameTypes.ping);
      c.double.send({ type: frameTypes.pong, payload });
      await turn();
    }
    assert.equal(c.host.destroyed, false);
  });
});

test("a guest that floods its channel gets a bounded share of every turn, and nothing is lost", async () => {
  await using c = await connected();
  const before = c.agent.traffic.sent;
  const ping = c.double.session;
  assert.ok(ping > 0);
  const frames = Array.from({ length: 3000 }, () => floodFrame(ping));
  const flood = Buffer.concat(frames);
  for (let i = 0; i < 60; i += 1) c.double.raw(flood);
  let seen = before;
  let turns = 0;
  while (seen < before + 60 * flood.length) {
    await turn();
    turns += 1;
    const now = c.agent.traffic.sent;
    assert.ok(now - seen <= 128 * 1024 + flood.length, `${now - seen} bytes in one turn`);
    seen = now;
    assert.ok(turns < 10_000);
  }
  assert.ok(turns >= (60 * flood.length) / (128 * 1024 + flood.length));
});

function floodFrame(session: number): Buffer {
  const frame = Buffer.alloc(20);
  frame.writeUInt8(0xb5, 0);
  frame.writeUInt8(frameTypes.ping, 1);
  frame.writeUInt32LE(session, 4);
  frame.writeUInt32LE(session, 16);
  return frame;
}

function setUp(context: TestContext) {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const seen: string[] = [];
  const heart = new Heartbeat({
    interval: 10,
    patience: 30,
    ask: () => void seen.push("ask"),
    onSilence: () => void seen.push("silence"),
  });
  const tick = (times: number): void => {
    for (let i = 0; i < times; i += 1) context.mock.timers.tick(10);
  };
  return { seen, heart, tick };
}
