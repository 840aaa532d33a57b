import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { rejectsWith } from "../support/faults.ts";
import { type Connected, connected, never } from "./agent-double.ts";

describe("metrics", () => {
  test("are in milliseconds and bytes", async () => {
    await using c = await connected();
    const asking = c.agent.metrics(never);
    const { stream } = await opened(c, 26);
    const answer = new FieldWriter()
      .u64(190, 1_500_000_000n)
      .u64(191, 60_000_000_000n)
      .u32(192, 2)
      .u64(193, 1n << 30n)
      .u64(194, 1n << 29n)
      .u32(195, 150)
      .u64(196, 1n << 33n)
      .u64(197, 1n << 32n)
      .u64(198, 1000n)
      .u64(199, 500n)
      .u64(200, 30_000_000_000n);
    c.double.result(stream, 0, answer);
    assert.deepEqual(await asking, {
      uptime: 30_000,
      cpu: { busy: 1500, total: 60_000, count: 2 },
      memory: { total: 2 ** 30, available: 2 ** 29 },
      load: 1.5,
      root: { total: 2 ** 33, free: 2 ** 32 },
      network: { received: 1000, sent: 500 },
    });
  });

  test("that the guest cannot tell are absent, and absurd ones are bounded", async () => {
    await using c = await connected();
    const asking = c.agent.metrics(never);
    const { stream } = await opened(c, 26);
    const answer = new FieldWriter()
      .u64(190, 5n)
      .u64(193, 2n ** 64n - 1n)
      .u64(194, 0n)
      .u64(200, 0n);
    c.double.result(stream, 0, answer);
    assert.deepEqual(await asking, {
      uptime: 0,
      memory: { total: Number.MAX_SAFE_INTEGER, available: 0 },
    });
  });

  test("of an older agent are refused, and without an uptime break the protocol", async () => {
    await using older = await connected();
    const refused = older.agent.metrics(never);
    older.double.result((await opened(older, 26)).stream, 38, undefined, "unknown operation");
    await rejectsWith(refused, "guest_outdated", "the machine's agent is too old to say how busy it is");
    await using broken = await connected();
    const breaking = broken.agent.metrics(never);
    broken.double.result((await opened(broken, 26)).stream);
    await rejectsWith(breaking, "guest_protocol", /field 200/);
  });
});

describe("comparing clocks", () => {
  test("gives how far the guest is behind, and is ahead when negative", async () => {
    await using c = await connected();
    for (const [offset, expected] of [
      [1_500_000_000n, 1500],
      [2n ** 64n - 250_000_000n, -250],
    ] as const) {
      const before = BigInt(Date.now()) * 1_000_000n;
      const asking = c.agent.compareClock({ set: false }, never);
      const { stream, fields } = await opened(c, 27);
      assert.equal(fields.u32(206), 0);
      assert.ok(fields.requireU64(205) >= before, "the host's time");
      c.double.result(stream, 0, new FieldWriter().u64(207, offset));
      assert.equal(await asking, expected);
    }
  });

  test("sets the guest's only when asked to", async () => {
    await using c = await connected();
    const asking = c.agent.compareClock({ set: true }, never);
    const { stream, fields } = await opened(c, 27);
    assert.equal(fields.u32(206), 1);
    c.double.result(stream, 1, undefined, "clock");
    await rejectsWith(asking, "guest_refused", "the guest could not set its clock: clock (EPERM)");
  });
});

test("the traffic of a connection is counted both ways", async () => {
  await using c = await connected();
  const before = c.agent.traffic;
  const pinging = c.agent.ping(never);
  const ping = await c.double.next(frameTypes.ping);
  c.double.send({ type: frameTypes.pong, payload: ping.payload });
  await pinging;
  // A header of 16 bytes, 8 of payload, a trailer of 4.
  assert.deepEqual(c.agent.traffic, { received: before.received + 28, sent: before.sent + 28 });
});

async function opened(c: Connected, op: number): Promise<{ stream: number; fields: Fields }> {
  const frame = await c.double.next(frameTypes.open);
  const fields = new Fields(frame.payload, "OPEN");
  assert.equal(fields.u32(1), op);
  return { stream: frame.stream, fields };
}
