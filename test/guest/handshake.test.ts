import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { describe, test } from "node:test";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { encodeFrame, frameTypes } from "../../src/guest/frames.ts";
import { shakeHands } from "../../src/guest/handshake.ts";
import { rejectsWith } from "../support/faults.ts";
import { AgentDouble, never, welcomePayload } from "./agent-double.ts";

describe("a handshake", () => {
  test("is a padded HELLO, answered by a WELCOME", async () => {
    const { host, double } = channel();
    const shaking = shakeHands(host, { signal: never, build: "test 1" });
    const hello = await double.hello();
    assert.equal(new Fields(hello.payload, "HELLO").text(3), "test 1");
    assert.ok(double.hostBytes - hello.payload.length - 20 >= 33_000, "there is padding before it");
    double.welcome();
    const handshake = await shaking;
    assert.equal(handshake.session, double.session);
    assert.equal(handshake.hellos, 1);
    assert.equal(handshake.welcome.phase, "booted");
  });

  test("takes another session every time, and never 0", async () => {
    const sessions = new Set<number>();
    for (let i = 0; i < 20; i += 1) {
      const { host, double } = channel();
      const shaking = shakeHands(host, { signal: never });
      sessions.add((await double.hello()).session);
      double.welcome();
      await shaking;
    }
    assert.equal(sessions.size, 20);
    assert.ok(!sessions.has(0));
  });

  test("repeats its HELLO under the same session until it is heard", async () => {
    const { host, double } = channel();
    const shaking = shakeHands(host, { signal: never, repeat: 5 });
    const first = await double.hello();
    const second = await double.hello();
    assert.equal(second.session, first.session);
    double.welcome();
    assert.ok((await shaking).hellos >= 2);
  });

  test("does not repeat it to a guest that has not read the last one", async () => {
    const [host, far] = duplexPair();
    const stop = new AbortController();
    const shaking = shakeHands(host, { signal: stop.signal, repeat: 1 });
    const waiting = host.writableLength;
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(host.writableLength, waiting);
    stop.abort();
    await rejectsWith(shaking, "interrupted", "waiting for the agent's hello was cancelled");
    far.destroy();
  });

  test("leaves every byte after the WELCOME in the channel, which is paused", async () => {
    const { host, double } = channel();
    const shaking = shakeHands(host, { signal: never });
    await double.hello();
    const welcome = encodeFrame({
      type: frameTypes.welcome,
      session: double.session,
      payload: welcomePayload(),
    });
    double.raw(Buffer.concat([Buffer.from("half a frame"), welcome, Buffer.from("and more")]));
    await shaking;
    assert.equal(host.isPaused(), true);
    assert.equal(String(host.read()), "and more");
  });

  test("leaves no listener behind", async () => {
    const { host, double } = channel();
    const before = host.eventNames().map((name) => [name, host.listenerCount(name)]);
    const shaking = shakeHands(host, { signal: never });
    await double.hello();
    double.welcome();
    await shaking;
    assert.deepEqual(
      host.eventNames().map((name) => [name, host.listenerCount(name)]),
      before,
    );
  });

  test("reports an agent of another version", async () => {
    const { host, double } = channel();
    const shaking = shakeHands(host, { signal: never });
    await double.hello();
    double.welcome(new FieldWriter().u32(1, 0).u32(2, 3).u32(3, 4).finish());
    await rejectsWith(
      shaking,
      "guest_version",
      "the machine's agent speaks protocol 3 to 4, this banger speaks 1 to 2",
    );
  });

  test("ends with a channel that is closed", async () => {
    const { host, double } = channel();
    const shaking = shakeHands(host, { signal: never });
    await double.hello();
    double.duplex.end();
    await rejectsWith(
      shaking,
      "channel_closed",
      "the connection to the machine ended: it was closed before the agent said hello",
    );
  });

  test("ends with a channel that breaks, and keeps why", async () => {
    const { host } = channel();
    const shaking = shakeHands(host, { signal: never });
    const broken = new Error("read ECONNRESET");
    host.destroy(broken);
    const error = await rejectsWith(
      shaking,
      "channel_closed",
      "the connection to the machine ended: read ECONNRESET",
    );
    assert.equal(error.cause, broken);
  });

  test("does not begin when it is cancelled already", async () => {
    const { host, double } = channel();
    await rejectsWith(
      shakeHands(host, { signal: AbortSignal.abort() }),
      "interrupted",
      "waiting for the agent's hello was cancelled",
    );
    assert.equal(double.hostBytes, 0);
  });
});

function channel(): { host: Duplex; double: AgentDouble } {
  const [host, far] = duplexPair();
  return { host, double: new AgentDouble(far) };
}
