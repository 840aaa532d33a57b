import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { release } from "node:os";
import { test } from "node:test";
import { Agent, agentBinary, connect } from "./agent.ts";
import { fields, frame, op, readFields, type } from "./codec.ts";
import { helloPayload } from "./peer.ts";

const empty = Buffer.alloc(0);

test("a handshake answers with version, build, phase and machine", async (t) => {
  const agent = new Agent();
  t.after(() => agent.close());
  const welcome = await agent.hello(0xdecafbad);
  const number = (tag: number) => welcome.get(tag)?.readUInt32LE();
  assert.deepEqual([number(1), number(2), number(3), number(5)], [2, 1, 2, 2]);
  assert.equal(
    welcome.get(4)?.toString(),
    execFileSync(agentBinary(), ["--version"], { encoding: "utf8" }).trim(),
  );
  assert.match(welcome.get(4)?.toString() ?? "", /^2\+[0-9a-f]{12}$/);
  assert.equal(welcome.get(7)?.toString(), release());
  assert.match(welcome.get(8)?.toString() ?? "", /^[0-9a-f-]{36}$/);
  const uptime = welcome.get(6)?.readBigUInt64LE() ?? 0n;
  const start = welcome.get(9)?.readBigUInt64LE() ?? 0n;
  assert.ok(start > 0n && uptime >= start, `${start} ${uptime}`);
});

test("without a common version the agent says its own and serves nothing", async (t) => {
  const agent = new Agent();
  t.after(() => agent.close());
  const welcome = await agent.hello(7, 3, 9);
  assert.deepEqual(
    [1, 2, 3].map((tag) => welcome.get(tag)?.readUInt32LE()),
    [0, 1, 2],
  );
  agent.send(type.ping, 0, Buffer.from("unheard"));
  const stream = agent.exec(["true"]);
  await agent.hello(8);
  await agent.ping();
  assert.deepEqual(agent.arrived(0), []);
  assert.deepEqual(agent.arrived(stream), []);
});

test("the newest version that both speak is served, whatever else the host speaks", async (t) => {
  const agent = new Agent();
  t.after(() => agent.close());
  const ranges: [number, number, number][] = [
    [0, 5, 2],
    [2, 2, 2],
    [1, 1, 1],
    [0, 1, 1],
    [0, 0, 0],
    [3, 3, 0],
    [2, 1, 0],
  ];
  for (const [index, [minimum, maximum, chosen]] of ranges.entries()) {
    const welcome = await agent.hello(100 + index, minimum, maximum);
    assert.equal(welcome.get(1)?.readUInt32LE(), chosen, `${minimum} to ${maximum}`);
  }
});

test("half a frame of a dead host is completed by padding and dropped", async (t) => {
  const agent = await connect(t);
  const whole = frame(
    agent.session,
    type.open,
    1,
    fields([
      [1, op.info],
      [99, Buffer.alloc(32000)],
    ]),
  );
  for (const cut of [1, 7, 16, 20, 5000, whole.length - 1]) {
    agent.write(whole.subarray(0, cut));
    await agent.hello(agent.session + 1);
    await agent.ping();
    assert.deepEqual(agent.arrived(1), [], `cut at ${cut}`);
  }
});

test("garbage is hunted through until padding and a frame", async (t) => {
  const agent = await connect(t);
  agent.write(Buffer.from("garbage"));
  agent.send(type.ping, 0, Buffer.from("inside garbage"));
  agent.write(Buffer.concat([Buffer.from("more"), Buffer.alloc(63)]));
  agent.send(type.ping, 0, Buffer.from("one padding byte short"));
  agent.write(Buffer.alloc(64));
  await agent.ping("found");
});

test("a header that cannot be is hunted through", async (t) => {
  const agent = await connect(t);
  const long = frame(agent.session, type.data, 1, empty);
  long.writeUInt32LE(32769, 12);
  agent.write(long);
  agent.write(Buffer.alloc(64));
  await agent.ping("after a long frame");
});

test("an unknown type is garbage before the handshake and ignored after it", async (t) => {
  const agent = new Agent();
  t.after(() => agent.close());
  agent.write(frame(5, 0x77, 0, Buffer.alloc(40, 1)));
  await agent.hello(5);
  agent.write(frame(5, 0x77, 0, Buffer.alloc(40, 1)));
  await agent.ping("unmoved");
});

test("padding between frames is skipped", async (t) => {
  const agent = await connect(t);
  for (const padding of [1, 63, 64, 100000]) {
    agent.write(Buffer.alloc(padding));
    await agent.ping(`after ${padding}`);
  }
});

test("frames of another session, or with another trailer, have no effect", async (t) => {
  const agent = await connect(t);
  agent.write(frame(agent.session + 1, type.ping, 0, Buffer.from("foreign")));
  const torn = frame(agent.session, type.ping, 0, Buffer.from("torn"));
  torn.writeUInt32LE(agent.session + 1, torn.length - 4);
  agent.write(torn);
  await agent.ping("own");
});

test("a HELLO of session 0, or one without versions, is not answered", async (t) => {
  const agent = await connect(t);
  agent.write(frame(0, type.hello, 0, helloPayload()));
  agent.write(frame(77, type.hello, 0, fields([[3, "no versions"]])));
  const runaway = helloPayload();
  runaway.writeUInt32LE(1000, 4);
  agent.write(frame(78, type.hello, 0, runaway));
  await agent.ping("still the old session");
  assert.deepEqual(agent.arrived(0), []);
});

test("a HELLO repeated within its session is answered again and ends nothing", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["cat"]);
  await agent.started(stream);
  agent.send(type.hello, 0, helloPayload());
  const again = await agent.next((f) => f.type === type.welcome);
  assert.equal(readFields(again.payload).get(1)?.readUInt32LE(), 2);
  agent.send(type.data, stream, Buffer.from("alive"));
  agent.send(type.eof, stream);
  const data = await agent.of(stream, type.data);
  assert.equal(data.payload.toString(), "alive");
});

test("a PING of up to 64 bytes is answered, a longer one is not", async (t) => {
  const agent = await connect(t);
  await agent.ping("");
  await agent.ping("x".repeat(64));
  agent.send(type.ping, 0, Buffer.alloc(65));
  await agent.ping("next");
});

test("a new session hangs up what the old one ran and forgets its output", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "echo ready; exec sleep 1000"]);
  const pid = await agent.started(stream);
  await agent.of(stream, type.data);
  await agent.hello(agent.session + 1);
  await gone(pid);
  assert.deepEqual(agent.arrived(stream), []);
  assert.equal((await agent.sh("exit 3")).code, 3);
});

test("the agent ends when its host has gone, and with it what it ran", async () => {
  const agent = new Agent();
  await agent.hello();
  const stream = agent.exec(["sh", "-c", "trap '' HUP; echo ready; sleep 1000 & wait; sleep 1000"]);
  const pid = await agent.started(stream);
  await agent.of(stream, type.data);
  await agent.close();
  await gone(pid);
});

async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 10000;
  while (Date.now() < deadline) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`process group ${pid} is still there`);
}
