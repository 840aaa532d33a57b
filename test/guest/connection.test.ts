import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { connectAgent } from "../../src/guest/connect.ts";
import { FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { rejectsWith } from "../support/faults.ts";
import { AgentDouble, connected, never, welcomePayload } from "./agent-double.ts";

describe("a connection to an agent", () => {
  test("pings, once for all who ask meanwhile", async () => {
    await using c = await connected();
    const first = c.agent.ping(never);
    const second = c.agent.ping(never);
    const { payload } = await c.double.next(frameTypes.ping);
    c.double.send({ type: frameTypes.pong, payload });
    await Promise.all([first, second]);
    assert.deepEqual(c.double.frames, []);
    const third = c.agent.ping(never);
    const next = await c.double.next(frameTypes.ping);
    assert.notDeepEqual(next.payload, payload);
    c.double.send({ type: frameTypes.pong, payload: next.payload });
    await third;
  });

  test("waits for the answer to a ping that somebody gave up, instead of sending another", async () => {
    await using c = await connected();
    const stop = new AbortController();
    const first = c.agent.ping(stop.signal);
    const { payload } = await c.double.next(frameTypes.ping);
    stop.abort();
    await rejectsWith(first, "interrupted", "asking the agent for a sign of life was cancelled");
    const second = c.agent.ping(never);
    c.double.send({ type: frameTypes.pong, payload });
    await second;
    assert.deepEqual(c.double.frames, []);
  });

  test("answers the agent's pings with the same bytes", async () => {
    await using c = await connected();
    const payload = Buffer.alloc(64, "p");
    c.double.send({ type: frameTypes.ping, payload });
    const pong = await c.double.next(frameTypes.pong);
    assert.ok(pong.payload.equals(payload));
  });

  test("hands on the agent's log", async () => {
    await using c = await connected();
    c.double.send({ type: frameTypes.event, payload: new FieldWriter().u32(1, 1).text(2, "hello").finish() });
    await pong(c);
    assert.deepEqual(c.logs, ["hello"]);
  });

  test("passes over frames of another session, and over padding", async () => {
    await using c = await connected();
    const session = (c.double.session ^ 1) >>> 0;
    c.double.send({ type: frameTypes.data, session, stream: 99, channel: 1, payload: Buffer.from("old") });
    c.double.raw(Buffer.alloc(5000));
    c.double.send({ type: frameTypes.welcome, session, payload: welcomePayload() });
    await pong(c);
  });

  test("passes over as many more welcomes as it said hello, and no more", async () => {
    const [host, far] = duplexPair();
    const double = new AgentDouble(far);
    const connecting = connectAgent({ duplex: host, vm: "otter", deadline: 5000, signal: never, repeat: 5 });
    await double.hello();
    await double.next(frameTypes.hello);
    double.welcome();
    const agent = await connecting;
    const hellos = 2 + double.frames.filter(({ type }) => type === frameTypes.hello).length;
    for (let i = 1; i < hellos; i += 1) double.welcome();
    const syncing = agent.sync(never);
    double.frames.length = 0;
    double.result((await double.next(frameTypes.open)).stream);
    await syncing;
    double.welcome();
    assert.equal((await agent.closed).message, "the guest broke the agent protocol: WELCOME without a HELLO");
    await agent.close();
  });

  test("that this side closes resets what runs, and says so to who waits", async () => {
    const c = await connected();
    const starting = c.agent.exec({ args: ["sleep"] }, never);
    const id = await c.double.started();
    const process = await starting;
    const syncing = c.agent.sync(never);
    const { stream } = await c.double.next(frameTypes.open);
    const closing = c.agent.close();
    const message = "the connection to the machine ended: the daemon closed it";
    await Promise.all([
      rejectsWith(process.exited, "channel_closed", message),
      rejectsWith(syncing, "channel_closed", message),
    ]);
    const resets = [await c.double.next(frameTypes.reset), await c.double.next(frameTypes.reset)];
    assert.deepEqual(
      resets.map((frame) => frame.stream),
      [id, stream],
    );
    await closing;
    assert.equal((await c.agent.closed).message, message);
    assert.equal(c.host.destroyed, true);
  });

  test("closes also when the guest reads nothing, and closes only once", async () => {
    const c = await connected();
    c.double.duplex.pause();
    const starting = c.agent.exec({ args: ["cat"] }, never);
    const lost = rejectsWith(starting, "channel_closed");
    for (let i = 0; i < 3; i += 1) await turn();
    await Promise.all([c.agent.close(), c.agent.close()]);
    await lost;
    assert.equal(c.host.destroyed, true);
  });

  test("that breaks is closed with the reason of the system", async () => {
    const c = await connected();
    const broken = new Error("write EPIPE");
    c.host.destroy(broken);
    const error = await c.agent.closed;
    assert.equal(error.message, "the connection to the machine ended: write EPIPE");
    assert.equal(error.cause, broken);
    await c.agent.close();
  });

  test("ends with the guest's own end of it", async () => {
    const c = await connected();
    c.double.duplex.end();
    assert.equal(
      (await c.agent.closed).message,
      "the connection to the machine ended: the guest's end was closed",
    );
    await c.agent.close();
  });
});

/** A round trip: whatever was sent before has been dealt with. */
async function pong(c: Awaited<ReturnType<typeof connected>>): Promise<void> {
  const pinging = c.agent.ping(never);
  const { payload } = await c.double.next(frameTypes.ping);
  c.double.send({ type: frameTypes.pong, payload });
  await pinging;
}
