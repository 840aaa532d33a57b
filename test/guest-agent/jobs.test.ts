import assert from "node:assert/strict";
import { test } from "node:test";
import { type Agent, connect } from "./agent.ts";
import { readFields, takeFields, type } from "./codec.ts";
import { readResult } from "./peer.ts";

const op = { detach: 8, jobs: 9, attach: 10, kill: 11 };
const kept = 1024 * 1024;

test("a detached command outlives its session, and is followed from the next one", async (t) => {
  const agent = await connect(t);
  const job = await detach(agent, "echo before; while [ ! -e /proc/$PPID/none ]; do sleep 0.02; done");
  await agent.hello(agent.session + 1);
  const [listed] = await list(agent);
  assert.equal(listed?.get(102)?.readUInt32LE(), job);
  assert.equal(listed?.get(106), undefined);
  const view = agent.open(op.attach, [[100, job]]);
  assert.equal((await agent.of(view, type.data)).payload.toString(), "before\n");
  await kill(agent, job);
  assert.equal((await exit(agent, view)).get(2)?.readUInt32LE(), 15);
});

test("what it said comes in its order and on its channels, then its status", async (t) => {
  const agent = await connect(t);
  const job = await detach(agent, "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; exit 5");
  await ended(agent, job);
  for (let i = 0; i < 2; i++) {
    const outcome = await agent.finish(agent.open(op.attach, [[100, job]]));
    assert.deepEqual(
      [outcome.stdout.toString(), outcome.stderr.toString(), outcome.code],
      ["one\nthree\n", "two\n", 5],
    );
  }
});

test("of its output the last mebibyte is kept, to the byte", async (t) => {
  const agent = await connect(t);
  const script =
    "i=0; while [ $i -lt 3 ]; do head -c 700000 /dev/zero | tr '\\0' $i; i=$((i+1)); done; echo end";
  const job = await detach(agent, script);
  const last = await ended(agent, job);
  assert.equal(last.get(108)?.readBigUInt64LE(), 2_100_004n);
  const view = agent.open(op.attach, [[100, job]]);
  const { fields } = readResult(await agent.of(view, type.result));
  assert.equal(fields.get(111)?.readBigUInt64LE(), BigInt(2_100_004 - kept));
  const outcome = await follow(agent, view);
  const expected = Buffer.concat([
    Buffer.alloc(kept - 700_004, "1"),
    Buffer.alloc(700_000, "2"),
    Buffer.from("end\n"),
  ]);
  assert.ok(outcome.equals(expected));
});

test("one who does not read holds up neither the command nor another who does", async (t) => {
  const agent = await connect(t);
  const job = await detach(agent, "head -c 3000000 /dev/zero; echo end");
  const stalled = agent.open(op.attach, [[100, job]]);
  await agent.of(stalled, type.result);
  await ended(agent, job);
  const view = agent.open(op.attach, [[100, job]]);
  await agent.of(view, type.result);
  assert.equal((await follow(agent, view)).subarray(-4).toString(), "end\n");
  const late = await follow(agent, stalled);
  assert.equal(late.subarray(-4).toString(), "end\n");
  assert.ok(late.length < 3_000_004 && late.length >= kept, `${late.length} bytes`);
});

test("its input is at its end, and what cannot be started is refused and not listed", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.finish(agent.open(op.attach, [[100, await detach(agent, "cat; echo done")]]));
  assert.equal(outcome.stdout.toString(), "done\n");
  const { errno, fields } = await agent.call(op.detach, [[10, "no-such-command"]]);
  assert.deepEqual([errno, fields.get(21)?.toString()], [2, "exec"]);
  assert.equal((await list(agent)).length, 1);
});

test("it takes the time it was given, and no more", async (t) => {
  const agent = await connect(t);
  const command = ["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait; sleep 1000"];
  const detached = await agent.call(op.detach, [
    ...command.map((arg): [number, string] => [10, arg]),
    [18, 50],
  ]);
  const job = detached.fields.get(100)?.readUInt32LE() ?? 0;
  const stream = agent.exec(["sleep", "1000"], [[18, 50]]);
  await agent.started(stream);
  const end = await exit(agent, stream);
  assert.deepEqual([end.get(2)?.readUInt32LE(), end.get(3)?.readUInt32LE()], [15, 1]);
  const last = await ended(agent, job);
  assert.deepEqual([last.get(107)?.readUInt32LE(), last.get(110)?.readUInt32LE()], [9, 1]);
});

test("only those that run can be killed, and only those that are there followed", async (t) => {
  const agent = await connect(t);
  const job = await detach(agent, "exit 0");
  await ended(agent, job);
  const errnos = [
    await agent.call(op.kill, [[100, job]]),
    await agent.call(op.kill, [[100, 77]]),
    await agent.call(op.attach, [[100, 77]]),
    await agent.call(op.attach, []),
  ].map(({ errno }) => errno);
  assert.deepEqual(errnos, [3, 2, 2, 2]);
});

test("64 may run; of those that ended the last 16 are kept", async (t) => {
  const agent = await connect(t);
  const running = await Promise.all(Array.from({ length: 64 }, () => detach(agent, "exec sleep 1000")));
  const { errno, message } = await agent.call(op.detach, [[10, "true"]]);
  assert.deepEqual([errno, message], [11, "64 detached commands are running"]);
  for (const job of running) await kill(agent, job);
  for (const job of running) await ended(agent, job);
  const newest = await detach(agent, "exit 0");
  await ended(agent, newest);
  assert.ok((await list(agent)).length <= 64);
});

test("one whose start is given up is ended", async (t) => {
  const agent = await connect(t);
  const stream = agent.open(op.detach, [
    [10, "sleep"],
    [10, "1000"],
  ]);
  agent.send(type.reset, stream);
  await agent.ping();
  for (const job of await list(agent)) await ended(agent, job.get(102)?.readUInt32LE() ?? 0);
});

async function detach(agent: Agent, script: string): Promise<number> {
  const { errno, message, fields } = await agent.call(op.detach, [
    [10, "sh"],
    [10, "-c"],
    [10, script],
  ]);
  assert.equal(errno, 0, message);
  return fields.get(100)?.readUInt32LE() ?? 0;
}

async function kill(agent: Agent, job: number): Promise<void> {
  assert.equal((await agent.call(op.kill, [[100, job]])).errno, 0);
}

async function list(agent: Agent): Promise<Map<number, Buffer>[]> {
  const { payload } = await agent.of(agent.open(op.jobs, []), type.result);
  return takeFields(payload)
    .filter(([tag]) => tag === 101)
    .map(([, entry]) => readFields(entry));
}

/** Waits until a job has ended; gives its entry. */
async function ended(agent: Agent, job: number): Promise<Map<number, Buffer>> {
  for (let i = 0; i < 2000; i++) {
    const entry = (await list(agent)).find((one) => one.get(102)?.readUInt32LE() === job);
    if (entry === undefined) return new Map();
    if (entry.get(105) !== undefined) return entry;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`job ${job} does not end`);
}

async function exit(agent: Agent, stream: number): Promise<Map<number, Buffer>> {
  return readFields((await agent.of(stream, type.exit)).payload);
}

/** Standard output of a stream up to its end, granting what it takes. */
async function follow(agent: Agent, stream: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    const got = await agent.next(
      ({ stream: of, type: kind }) => of === stream && kind !== type.eof && kind !== type.result,
    );
    if (got.type !== type.data) return Buffer.concat(pieces);
    pieces.push(got.payload);
    const credit = Buffer.alloc(4);
    credit.writeUInt32LE(got.payload.length);
    agent.send(type.window, stream, credit, 1);
  }
}
