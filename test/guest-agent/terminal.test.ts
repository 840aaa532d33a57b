import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "./agent.ts";
import { type Fields, fields, readFields, type } from "./codec.ts";

const tty = (rows = 30, columns = 100): Fields => [
  [14, 1],
  [15, rows],
  [16, columns],
];

test("a terminal has the size asked for, and gets another", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(
    ["sh", "-c", "trap 'stty size; exit 5' WINCH; stty size; while :; do sleep 0.02; done"],
    tty(33, 101),
  );
  await agent.started(stream);
  assert.equal((await agent.of(stream, type.data)).payload.toString(), "33 101\r\n");
  agent.send(
    type.resize,
    stream,
    fields([
      [1, 50],
      [2, 120],
    ]),
  );
  assert.equal((await agent.of(stream, type.data)).payload.toString(), "50 120\r\n");
  assert.equal(
    readFields((await agent.of(stream, type.exit)).payload)
      .get(1)
      ?.readUInt32LE(),
    5,
  );
});

test("without a size it is 24 by 80", async (t) => {
  const agent = await connect(t);
  assert.equal((await agent.sh("stty size", [[14, 1]])).stdout.toString(), "24 80\r\n");
});

test("all three channels are the terminal, which controls the session and is the user's", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.sh(
    "test -t 0 && test -t 1 && test -t 2 && echo all; tty < /dev/tty; echo $TERM; stat -c %u,%a $(tty)",
    tty(),
  );
  const [all, name, term, mode] = outcome.stdout.toString().split("\r\n");
  assert.equal(all, "all");
  assert.match(name ?? "", /^\/dev\/(pts\/\d+|tty)$/);
  assert.equal(term, "xterm");
  assert.equal(mode, `${process.getuid?.()},620`);
});

test("TERM of the request wins", async (t) => {
  const agent = await connect(t);
  assert.equal((await agent.sh("echo $TERM", [...tty(), [11, "TERM=vt220"]])).stdout.toString(), "vt220\r\n");
});

test("the terminal's interrupt character interrupts", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "echo ready; exec sleep 1000"], tty());
  await agent.started(stream);
  await agent.of(stream, type.data);
  agent.send(type.data, stream, Buffer.from([3]));
  assert.equal(
    readFields((await agent.of(stream, type.exit)).payload)
      .get(2)
      ?.readUInt32LE(),
    2,
  );
});

test("the host's end of input is the terminal's end of file, at the beginning of a line or inside it", async (t) => {
  const agent = await connect(t);
  for (const input of ["line\n", "half a line", ""]) {
    const outcome = await agent.run(["sh", "-c", "stty -echo; cat"], tty(), Buffer.from(input));
    assert.match(
      outcome.stdout.toString().replaceAll("\r\n", "\n"),
      new RegExp(`${input.trim()}\n?(\\^D.*)?$`),
    );
    assert.equal(outcome.code, 0, JSON.stringify(input));
  }
});

test("a signal goes to the foreground of the terminal", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(
    [
      "bash",
      "--norc",
      "-i",
      "-c",
      "set -m; sh -c 'trap \"echo caught; exit 9\" TERM; echo ready; while :; do sleep 0.02; done'; echo status $?",
    ],
    tty(),
  );
  await agent.started(stream);
  let output = "";
  while (!output.includes("ready")) output += (await agent.of(stream, type.data)).payload.toString();
  agent.send(type.signal, stream, fields([[1, 15]]));
  while (!output.includes("status")) output += (await agent.of(stream, type.data)).payload.toString();
  assert.match(output, /caught\r\nstatus 9/);
});

test("a reset hangs the terminal up", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "echo ready; exec sleep 1000"], tty());
  const pid = await agent.started(stream);
  await agent.of(stream, type.data);
  agent.send(type.reset, stream);
  const deadline = Date.now() + 10000;
  while (agent.children().includes(String(pid))) {
    assert.ok(Date.now() < deadline, `${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

test("a megabyte of terminal output arrives whole, then EXIT", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.sh("stty -opost; head -c 1000000 /dev/zero", tty());
  assert.deepEqual([outcome.stdout.length, outcome.code], [1_000_000, 0]);
});

test("fifty terminals at once", async (t) => {
  const agent = await connect(t);
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => agent.sh(`echo ${i}`, tty())));
  assert.deepEqual(
    outcomes.map((o) => o.stdout.toString()),
    Array.from({ length: 50 }, (_, i) => `${i}\r\n`),
  );
});
