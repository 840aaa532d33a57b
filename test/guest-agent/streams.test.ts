import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { type Agent, connect } from "./agent.ts";
import { fields, op, readFields, type, u32 } from "./codec.ts";
import { initialCredit, readResult } from "./peer.ts";

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("ten megabytes go through a command and back, within credit", async (t) => {
  const agent = await connect(t);
  const input = randomBytes(10_000_000);
  const outcome = await agent.run(["cat"], [], input);
  assert.equal(sha256(outcome.stdout), sha256(input));
});

test("200 commands at once, each with all three channels, are not mixed up", async (t) => {
  const agent = await connect(t);
  const runs = Array.from({ length: 200 }, async (_, i) => {
    const input = Buffer.from(`${i} `.repeat(200 + i));
    const outcome = await agent.run(["sh", "-c", `cat; echo error ${i} >&2; exit ${i % 100}`], [], input);
    assert.equal(outcome.stdout.toString(), input.toString());
    assert.equal(outcome.stderr.toString(), `error ${i}\n`);
    assert.equal(outcome.code, i % 100);
  });
  await Promise.all(runs);
  await noChildren(agent);
});

test("the initial credit is spent to the byte, and no more without more", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "exec cat /dev/zero"]);
  await agent.started(stream);
  let got = 0;
  while (got < initialCredit) got += (await agent.of(stream, type.data)).payload.length;
  assert.equal(got, initialCredit);
  await agent.ping();
  await agent.ping();
  assert.deepEqual(agent.arrived(stream), []);
  agent.send(type.window, stream, u32(1), 1);
  assert.equal((await agent.of(stream, type.data)).payload.length, 1);
  await agent.ping();
  assert.deepEqual(agent.arrived(stream), []);
});

test("a stalled reader holds up neither its other output nor other streams", async (t) => {
  const agent = await connect(t);
  const stalled = agent.exec([
    "sh",
    "-c",
    "cat /dev/zero & while read -r line; do echo $line >&2; done; kill $!",
  ]);
  await agent.started(stalled);
  for (let got = 0; got < initialCredit; ) got += (await agent.of(stalled, type.data)).payload.length;
  agent.send(type.data, stalled, Buffer.from("still here\n"));
  const answer = await agent.of(stalled, type.data);
  assert.deepEqual([answer.channel, answer.payload.toString()], [2, "still here\n"]);
  const input = randomBytes(500_000);
  assert.ok((await agent.run(["cat"], [], input)).stdout.equals(input));
});

test("a host that does not read makes the agent wait, and loses nothing", async (t) => {
  const agent = await connect(t);
  const streams = Array.from({ length: 20 }, () =>
    agent.exec(["sh", "-c", "head -c 131072 /dev/zero; echo done >&2"]),
  );
  agent.pause();
  for (let i = 0; i < 5000; i++) agent.send(type.ping, 0, Buffer.alloc(64, i));
  await new Promise((resolve) => setTimeout(resolve, 300));
  agent.resume();
  for (const stream of streams) {
    const outcome = await agent.finish(stream);
    assert.deepEqual([outcome.stdout.length, outcome.stderr.toString(), outcome.code], [131072, "done\n", 0]);
  }
  for (let i = 0; i < 5000; i++) {
    const pong = await agent.next((f) => f.type === type.pong);
    assert.equal(pong.payload[0], i % 256);
  }
});

test("input is credited as its reader takes it", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "read -r go; cat > /dev/null"]);
  await agent.started(stream);
  agent.send(type.data, stream, Buffer.alloc(32768));
  agent.send(type.data, stream, Buffer.alloc(32768));
  agent.send(type.data, stream, Buffer.alloc(32768));
  agent.send(type.data, stream, Buffer.concat([Buffer.alloc(32767), Buffer.from("\n")]));
  // Credit comes in steps of at least 32768: less than one may still be owed when all has been read.
  let granted = 0;
  while (granted <= initialCredit - 32768) {
    const step = (await agent.of(stream, type.window)).payload.readUInt32LE();
    assert.ok(step >= 32768, `a step of ${step}`);
    granted += step;
  }
  assert.ok(granted <= initialCredit, `${granted} granted`);
});

test("data beyond the credit ends the stream, and what ran in it", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sleep", "1000"]);
  const pid = await agent.started(stream);
  // A pipe takes 64 KiB and is credited; what the agent keeps for a reader that does not read is its credit.
  for (let i = 0; i < 7; i++) agent.send(type.data, stream, Buffer.alloc(32768));
  const reset = await agent.of(stream, type.reset);
  assert.deepEqual(resetOf(reset.payload), [71, "data without credit, after its end, or on no channel"]);
  await gone(pid);
  await noChildren(agent);
});

test("frames that break the rules of a stream reset it and nothing else", async (t) => {
  const agent = await connect(t);
  const wrong: [string, (stream: number) => void, string][] = [
    [
      "data of no bytes",
      (s) => agent.send(type.data, s),
      "data without credit, after its end, or on no channel",
    ],
    [
      "data on an output",
      (s) => agent.send(type.data, s, Buffer.from("x"), 1),
      "data without credit, after its end, or on no channel",
    ],
    [
      "the end of an output",
      (s) => agent.send(type.eof, s, Buffer.alloc(0), 2),
      "the end of a channel that is not the host's",
    ],
    [
      "credit for the input",
      (s) => agent.send(type.window, s, u32(1), 0),
      "credit beyond its limit, or for no output",
    ],
    [
      "credit for channel 3",
      (s) => agent.send(type.window, s, u32(1), 3),
      "credit beyond its limit, or for no output",
    ],
    [
      "credit of three bytes",
      (s) => agent.send(type.window, s, Buffer.alloc(3), 1),
      "credit beyond its limit, or for no output",
    ],
    [
      "credit over 2^31-1",
      (s) => agent.send(type.window, s, u32(0x7fffffff), 1),
      "credit beyond its limit, or for no output",
    ],
    ["an id used twice", (s) => agent.send(type.open, s, fields([[1, op.info]])), "a stream id used twice"],
  ];
  const bystander = agent.exec(["cat"]);
  await agent.started(bystander);
  for (const [what, act, message] of wrong) {
    const stream = agent.exec(["sleep", "1000"]);
    await agent.started(stream);
    act(stream);
    assert.deepEqual(resetOf((await agent.of(stream, type.reset)).payload), [71, message], what);
  }
  agent.send(type.data, bystander, Buffer.from("unharmed"));
  assert.equal((await agent.of(bystander, type.data)).payload.toString(), "unharmed");
});

test("data after the end of input resets the stream, a second end does not", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sleep", "1000"]);
  await agent.started(stream);
  agent.send(type.eof, stream);
  agent.send(type.eof, stream);
  await agent.ping();
  assert.deepEqual(agent.arrived(stream), []);
  agent.send(type.data, stream, Buffer.from("late"));
  await agent.of(stream, type.reset);
});

test("the largest credit there can be is accepted", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["cat"]);
  await agent.started(stream);
  agent.send(type.window, stream, u32(0x7fffffff - initialCredit), 1);
  agent.send(type.data, stream, Buffer.from("fine"));
  assert.equal((await agent.of(stream, type.data)).payload.toString(), "fine");
});

test("an OPEN that is no OPEN is reset", async (t) => {
  const agent = await connect(t);
  const runaway = fields([[1, op.info]]);
  runaway.writeUInt32LE(5, 4);
  for (const payload of [
    runaway,
    Buffer.alloc(0),
    fields([[10, "no operation"]]),
    fields([[1, "op as text"]]),
  ]) {
    const stream = agent.open(op.info, []);
    await agent.of(stream, type.result);
    agent.send(type.open, stream + 1, payload);
    const reset = await agent.of(stream + 1, type.reset);
    assert.deepEqual(resetOf(reset.payload), [71, "fields that run past their frame, or no operation"]);
    await agent.hello(agent.session + 1);
  }
});

test("frames for streams that ended, or never were, are dropped", async (t) => {
  const agent = await connect(t);
  const { errno } = await agent.call(op.info, []);
  assert.equal(errno, 0);
  for (const stream of [1, 77, 0xffffffff]) {
    for (const kind of [
      type.data,
      type.eof,
      type.window,
      type.resize,
      type.signal,
      type.reset,
      type.result,
      type.exit,
    ]) {
      agent.send(kind, stream, Buffer.from("whatever"), 1);
    }
  }
  await agent.ping();
  assert.deepEqual([...agent.arrived(1), ...agent.arrived(77), ...agent.arrived(0xffffffff)], []);
});

test("a reset by the host kills what ignores the hang-up, group and all", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "trap '' HUP; sh -c 'sleep 1000' & echo ready; wait; sleep 1000"]);
  const pid = await agent.started(stream);
  await agent.of(stream, type.data);
  agent.send(type.reset, stream);
  await gone(pid);
  await noChildren(agent);
  assert.deepEqual(agent.arrived(stream), []);
});

test("a reset hangs up what is stopped", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "echo ready; kill -STOP $$; sleep 1000"]);
  const pid = await agent.started(stream);
  await agent.of(stream, type.data);
  agent.send(type.reset, stream);
  await gone(pid);
  await noChildren(agent);
});

test("input sent ahead of the answer is not lost", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["cat"]);
  agent.send(type.data, stream, Buffer.from("ahead "));
  agent.send(type.data, stream, Buffer.from("of time"));
  agent.send(type.eof, stream);
  assert.equal((await agent.finish(stream)).stdout.toString(), "ahead of time");
});

test("a signal sent ahead of the answer is not lost", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sleep", "1000"]);
  agent.send(type.signal, stream, fields([[1, 9]]));
  assert.equal((await agent.finish(stream)).signal, 9);
});

test("a command that does not read its input does not hold the host up", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "exec 0<&-; echo closed; sleep 0.3"]);
  await agent.started(stream);
  await agent.of(stream, type.data);
  await agent.feed(stream, Buffer.alloc(1_000_000));
  const exit = await agent.of(stream, type.exit);
  assert.equal(readFields(exit.payload).get(1)?.readUInt32LE(), 0);
});

test("512 streams are served, the next is told to wait", async (t) => {
  const agent = await connect(t);
  const streams = Array.from({ length: 512 }, () => agent.exec(["cat"]));
  for (const stream of streams) await agent.started(stream);
  const { errno, message } = readResult(await agent.of(agent.exec(["true"]), type.result));
  assert.deepEqual([errno, message], [11, "512 streams are open"]);
  for (const stream of streams) agent.send(type.eof, stream);
  for (const stream of streams) {
    assert.equal(
      readFields((await agent.of(stream, type.exit)).payload)
        .get(1)
        ?.readUInt32LE(),
      0,
    );
  }
  assert.equal((await agent.sh("exit 6")).code, 6);
  await noChildren(agent);
});

test("a thousand commands leave no zombie and no descriptor", async (t) => {
  const agent = await connect(t);
  // By then the agent has closed what the command's own start needed.
  const before = await agent.sh("sleep 0.3; ls /proc/$PPID/fd | wc -l");
  for (let i = 0; i < 20; i++) {
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        agent.run([n % 5 === 0 ? "no-such-program" : "true"]).catch(() => undefined),
      ),
    );
  }
  const after = await agent.sh("sleep 0.3; ls /proc/$PPID/fd | wc -l");
  assert.equal(after.stdout.toString(), before.stdout.toString());
  await noChildren(agent);
});

function resetOf(payload: Buffer): [number | undefined, string | undefined] {
  const found = readFields(payload);
  return [found.get(1)?.readUInt32LE(), found.get(2)?.toString()];
}

async function noChildren(agent: Agent): Promise<void> {
  await until(
    () => agent.children().length === 0,
    () => `children: ${agent.children().join(" ")}`,
  );
}

async function gone(pid: number): Promise<void> {
  const alive = () => {
    try {
      return process.kill(-pid, 0);
    } catch {
      return false;
    }
  };
  await until(
    () => !alive(),
    () => `process group ${pid} is still there`,
  );
}

async function until(done: () => boolean, complaint: () => string): Promise<void> {
  const deadline = Date.now() + 10000;
  while (!done()) {
    if (Date.now() > deadline) assert.fail(complaint());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
