import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Agent } from "./agent.ts";
import { type Fields, fields, frame, op, type } from "./codec.ts";
import { helloPayload } from "./peer.ts";

const budget = 1200;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0xffffffff);

test(`whatever comes, the agent neither dies nor loses its place (seed ${seed})`, async (t) => {
  const random = generator(seed);
  // Should a path be right after all, it is one in here.
  const root = mkdtempSync(join(tmpdir(), "banger-agent-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const agent = new Agent(["--root", root]);
  t.after(() => agent.close());
  const end = Date.now() + budget;
  let session = 1;
  let rounds = 0;
  while (Date.now() < end || rounds === 0) {
    await agent.hello(++session);
    for (let i = 0; i < 40; i++) agent.write(garbage(random, session));
    rounds++;
    assert.equal(agent.broken, undefined);
  }
  await agent.hello(++session);
  await agent.ping("alive");
  assert.equal((await agent.sh("exit 42")).code, 42);
  t.diagnostic(`${rounds} rounds`);
});

test(`frames cut and joined anywhere are the same frames (seed ${seed})`, async (t) => {
  const random = generator(seed);
  const agent = new Agent();
  t.after(() => agent.close());
  await agent.hello();
  const input = Buffer.from(Array.from({ length: 60000 }, () => random(256)));
  const stream = agent.exec(["cat"]);
  const parts: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const part = input.subarray(at, at + 1 + random(3000));
    parts.push(frame(agent.session, type.data, stream, part), Buffer.alloc(random(3)));
    at += part.length;
  }
  parts.push(frame(agent.session, type.eof, stream, Buffer.alloc(0)));
  const bytes = Buffer.concat(parts);
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + 1 + random(700));
    agent.write(part);
    at += part.length;
    if (random(20) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const outcome = await agent.finish(stream);
  assert.ok(outcome.stdout.equals(input));
});

type Random = (below: number) => number;

/** Noise, torn frames, and frames that are nearly right. Nothing in it may run more than `true`. */
function garbage(random: Random, session: number): Buffer {
  switch (random(6)) {
    case 0:
      return Buffer.from(Array.from({ length: random(300) }, () => random(256)));
    case 1:
      return Buffer.alloc(random(200));
    case 2: {
      const whole = someFrame(random, session);
      return whole.subarray(0, random(whole.length));
    }
    case 3: {
      const bent = someFrame(random, session);
      bent.writeUInt8(random(256), random(bent.length));
      return bent;
    }
    default:
      return Buffer.concat([Buffer.alloc(64), someFrame(random, session)]);
  }
}

function someFrame(random: Random, session: number): Buffer {
  const kinds = [...Object.values(type).filter((kind) => kind !== type.hello), random(256)];
  const kind = kinds[random(kinds.length)] ?? type.open;
  const stream = random(4) === 0 ? random(0xffffffff) : random(12);
  const payload =
    kind === type.open
      ? somePayload(random)
      : Buffer.from(Array.from({ length: random(40) }, () => random(256)));
  if (kind === type.hello) return frame(session, kind, 0, helloPayload());
  return frame(random(10) === 0 ? random(0xffffffff) : session, kind, stream, payload, random(4));
}

function somePayload(random: Random): Buffer {
  const operation =
    [op.exec, op.info, op.file, op.mount, op.boot, op.shutdown, random(100)][random(7)] ?? op.info;
  const entries: Fields = [[1, operation]];
  if (operation === op.exec) {
    entries.push([10, "true"]);
    // Users and directories that do not exist, terminals of any size, logins that end at once.
    for (let i = random(6); i > 0; i--) {
      const tag = [12, 13, 14, 15, 16, 11][random(6)] ?? 14;
      entries.push([tag, random(2) === 0 ? random(0xffffffff) : text(random)]);
    }
  } else if (operation === op.file) {
    // Relative or below a file: refused, all of them.
    for (let i = random(4); i > 0; i--)
      entries.push([90 + random(6), random(2) === 0 ? random(0xffffffff) : text(random)]);
    entries.push([90, `/proc/version/${random(1000)}`]);
  } else {
    for (let i = random(8); i > 0; i--)
      entries.push([random(100), random(2) === 0 ? random(0xffffffff) : text(random)]);
  }
  const payload = fields(entries);
  return random(5) === 0 ? payload.subarray(0, random(payload.length + 1)) : payload;
}

function text(random: Random): string {
  return String.fromCharCode(...Array.from({ length: random(300) }, () => random(128)));
}

/** mulberry32 */
function generator(start: number): Random {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000) * below);
  };
}
