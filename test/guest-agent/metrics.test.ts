import assert from "node:assert/strict";
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { test } from "node:test";
import { connect } from "./agent.ts";
import { op } from "./codec.ts";

test("metrics tell what the kernel counts", async (t) => {
  const agent = await connect(t);
  const before = processorTicks();
  const { errno, fields } = await agent.call(op.metrics, []);
  const after = processorTicks();
  const number = (tag: number): number => Number(fields.get(tag)?.readBigUInt64LE());
  assert.equal(errno, 0);
  // A tick is 10 ms; the file counts each processor for itself.
  assert.ok(number(190) / 1e7 >= before.busy - 1 && number(190) / 1e7 <= after.busy + 1, "busy");
  assert.ok(number(191) / 1e7 >= before.total - 1 && number(191) / 1e7 <= after.total + 1, "total");
  assert.equal(fields.get(192)?.readUInt32LE(), cpus().length);
  assert.equal(number(193), totalmem());
  assert.ok(number(194) > 0 && number(194) <= totalmem(), "available");
  assert.equal(fields.get(195)?.length, 4);
  const root = statfsSync("/");
  assert.equal(number(196), root.blocks * root.bsize);
  assert.ok(number(197) <= number(196), "free");
  assert.ok(number(200) > 0, "uptime");
});

test("metrics count the traffic of network cards, and only of those", async (t) => {
  const agent = await connect(t);
  const { fields } = await agent.call(op.metrics, []);
  const cards = readdirSync("/sys/class/net").filter((name) => hasDevice(name));
  const before = cards.map((name) =>
    Number(readFileSync(`/sys/class/net/${name}/statistics/rx_bytes`, "utf8")),
  );
  if (cards.length === 0) assert.deepEqual([fields.has(198), fields.has(199)], [false, false]);
  else {
    const counted = Number(fields.get(198)?.readBigUInt64LE());
    assert.ok(counted <= before.reduce((sum, each) => sum + each, 0), "no more than they have by now");
  }
});

test("the clock's offset is what the host's time says", async (t) => {
  const agent = await connect(t);
  const hour = 3_600_000_000_000n;
  for (const shift of [0n, hour, -hour]) {
    const asked = nanoseconds();
    const { errno, fields } = await agent.call(op.clock, [[205, asked + shift]]);
    const offset = fields.get(207)?.readBigInt64LE() ?? 0n;
    assert.equal(errno, 0);
    // Our own time has whole milliseconds.
    const passed = nanoseconds() - asked + 1_000_000n;
    assert.ok(offset <= shift && offset >= shift - passed, `${offset} for ${shift}`);
  }
});

test("an agent without a machine leaves the host's clock alone", async (t) => {
  const agent = await connect(t);
  const refused = await agent.call(op.clock, [
    [205, nanoseconds()],
    [206, 1],
  ]);
  assert.deepEqual([refused.errno, refused.message], [1, "clock"]);
});

test("a clock without a time is refused", async (t) => {
  const agent = await connect(t);
  const refused = await agent.call(op.clock, [[205, 7]]);
  assert.deepEqual([refused.errno, refused.message], [22, "clock: no time"]);
});

function processorTicks(): { busy: number; total: number } {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  return { total, busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}

function hasDevice(name: string): boolean {
  return readdirSync(`/sys/class/net/${name}`).includes("device");
}

function nanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
