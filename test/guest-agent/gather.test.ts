import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent, connect } from "./agent.ts";
import { fields, op, readFields, type } from "./codec.ts";

const openLimit = 1_114_112;

test("a command of a million bytes of arguments and variables arrives whole", async (t) => {
  const agent = await connect(t);
  const arg = "x".repeat(100_000);
  const args = Array.from({ length: 5 }, (_, i) => `${i}${arg}`);
  const variables = Array.from({ length: 5 }, (_, i): [number, string] => [11, `V${i}=${arg}`]);
  const script = 'printf %s "$@" | wc -c; printf %s "$V0$V1$V2$V3$V4" | wc -c; printf "%.2s" "$@"';
  const outcome = await agent.run(["sh", "-c", script, "sh", ...args], variables);
  assert.equal(outcome.stderr.toString(), "");
  assert.equal(outcome.stdout.toString(), "500005\n500000\n0x1x2x3x4x");
});

test("an argument that is longer than the kernel takes is refused by name", async (t) => {
  const agent = await connect(t);
  const { errno, message } = await agent.call(op.exec, [
    [10, "/usr/bin/true"],
    [10, "x".repeat(200_000)],
  ]);
  assert.deepEqual([errno, message], [7, "exec: /usr/bin/true: Argument list too long"]);
});

test("the longest OPEN is taken, and one byte more is not", async (t) => {
  const agent = await connect(t);
  const filler = (size: number): [number, Buffer][] => [[99, Buffer.alloc(size - 8 - 12)]];
  assert.equal((await agent.call(op.info, filler(openLimit))).errno, 0);
  const long = agent.open(op.info, filler(openLimit + 1));
  assert.deepEqual(resetOf((await agent.of(long, type.reset)).payload), [71, "an OPEN that is too long"]);
  assert.equal((await agent.call(op.info, [])).errno, 0);
});

test("other frames may come between the parts of an OPEN", async (t) => {
  const agent = await connect(t);
  const cat = agent.exec(["cat"]);
  await agent.started(cat);
  const payload = fields([
    [1, op.exec],
    [10, "echo"],
    [10, "whole"],
  ]);
  for (let at = 0; at < payload.length - 1; at += 1) {
    agent.send(type.more, 2, payload.subarray(at, at + 1));
    if (at === 5) agent.send(type.data, cat, Buffer.from("between"));
  }
  assert.equal((await agent.of(cat, type.data)).payload.toString(), "between");
  await agent.ping();
  assert.deepEqual(agent.arrived(2), []);
  agent.send(type.open, 2, payload.subarray(payload.length - 1));
  assert.equal((await agent.finish(2)).stdout.toString(), "whole\n");
});

test("an OPEN that is not finished before the next one begins is given up, and the next one is not", async (t) => {
  const agent = await connect(t);
  const run = fields([[1, op.info]]);
  agent.send(type.more, 1, run.subarray(0, 4));
  agent.send(type.open, 2, run);
  agent.send(type.more, 3, run.subarray(0, 4));
  agent.send(type.more, 4, run.subarray(0, 4));
  agent.send(type.open, 4, run.subarray(4));
  for (const given of [1, 3]) {
    const reset = await agent.of(given, type.reset);
    assert.deepEqual(resetOf(reset.payload), [71, "an OPEN without its end"]);
  }
  for (const whole of [2, 4]) {
    const { payload } = await agent.of(whole, type.result);
    assert.equal(readFields(payload).get(1)?.readUInt32LE(), 0);
  }
});

test("a part of an OPEN whose id was used is dropped", async (t) => {
  const agent = await connect(t);
  const info = fields([[1, op.info]]);
  agent.send(type.open, 5, info);
  await agent.of(5, type.result);
  agent.send(type.more, 5, info);
  agent.send(type.more, 4, info);
  agent.send(type.open, 6, info);
  assert.equal(
    readFields((await agent.of(6, type.result)).payload)
      .get(1)
      ?.readUInt32LE(),
    0,
  );
  assert.deepEqual([...agent.arrived(4), ...agent.arrived(5)], []);
});

test("a new session forgets what the old one had begun to open", async (t) => {
  const agent = await connect(t);
  const info = fields([[1, op.info]]);
  agent.send(type.more, 1, info.subarray(0, 4));
  await agent.hello(agent.session + 1);
  agent.send(type.open, 1, info);
  assert.equal(
    readFields((await agent.of(1, type.result)).payload)
      .get(1)
      ?.readUInt32LE(),
    0,
  );
});

test("under version 1 there are no parts: they are dropped as any unknown frame", async (t) => {
  const agent = new Agent();
  t.after(() => agent.close());
  await agent.hello(50, 1, 1);
  const info = fields([[1, op.info]]);
  agent.send(type.more, 1, Buffer.alloc(100, 1));
  agent.send(type.open, 1, info);
  assert.equal(
    readFields((await agent.of(1, type.result)).payload)
      .get(1)
      ?.readUInt32LE(),
    0,
  );
});

function resetOf(payload: Buffer): [number | undefined, string | undefined] {
  const found = readFields(payload);
  return [found.get(1)?.readUInt32LE(), found.get(2)?.toString()];
}
