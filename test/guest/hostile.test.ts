import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FieldWriter } from "../../src/guest/fields.ts";
import { encodeFrame, frameTypes, initialCredit, payloadLimit } from "../../src/guest/frames.ts";
import { outboxLimit } from "../../src/guest/outbox.ts";
import { rejectsWith } from "../support/faults.ts";
import { type Connected, connected, never, u32, welcomePayload } from "./agent-double.ts";

const mebibyte = 1024 * 1024;

describe("a hostile guest is cut off", () => {
  const attacks: [string, (c: Connected, id: number) => void, string][] = [
    [
      "for a frame over the limit",
      (c, id) => c.double.raw(header(c, { type: frameTypes.data, channel: 1, stream: id, length: 32_769 })),
      "DATA of 32769 bytes",
    ],
    [
      "for a frame of four gigabytes",
      (c, id) => c.double.raw(header(c, { type: frameTypes.result, stream: id, length: 0xffff_ffff })),
      "RESULT of 4294967295 bytes",
    ],
    [
      "for a type that does not exist",
      (c) => c.double.send({ type: 0x7f }),
      "a frame of type 0x7f, which no agent sends",
    ],
    [
      "for what only a host may say",
      (c) =>
        c.double.send({ type: frameTypes.open, stream: 9, payload: new FieldWriter().u32(1, 1).finish() }),
      "a frame of type 0x10, which no agent sends",
    ],
    [
      "for bytes that are no frame",
      (c) => c.double.raw(Buffer.from("login: ")),
      "a frame that begins with 0x6c",
    ],
    [
      "for a trailer of another session",
      (c, id) => {
        const frame = encodeFrame({
          type: frameTypes.eof,
          session: c.double.session,
          stream: id,
          channel: 1,
        });
        frame.writeUInt32LE((c.double.session ^ 0xff) >>> 0, frame.length - 4);
        c.double.raw(frame);
      },
      "EOF that ends with another session",
    ],
    [
      "for a stream that was never opened",
      (c, id) => c.double.data(id + 8, 1, "x"),
      "DATA for stream 9, which was never opened",
    ],
    ["for data without a stream", (c) => c.double.data(0, 1, "x"), "DATA for stream 0"],
    [
      "for output beyond its credit",
      (c, id) => {
        for (let i = 0; i < 4; i += 1) c.double.data(id, 1, Buffer.alloc(payloadLimit));
        c.double.data(id, 1, "x");
      },
      "DATA on stdout beyond its credit",
    ],
    [
      "for credit beyond counting",
      (c, id) => {
        c.double.window(id, 2 ** 31 - 1 - initialCredit);
        c.double.window(id, 1);
      },
      "WINDOW that grants more than 2147483647 bytes",
    ],
    ["for credit on an output", (c, id) => c.double.window(id, 1, 1), "WINDOW on channel 1"],
    ["for data on standard input", (c, id) => c.double.data(id, 0, "x"), "DATA on channel 0"],
    ["for empty data", (c, id) => c.double.data(id, 1, ""), "DATA of 0 bytes"],
    [
      "for data after the end",
      (c, id) => {
        c.double.eof(id, 2);
        c.double.data(id, 2, "x");
      },
      "DATA on stderr after its EOF",
    ],
    [
      "for a second end",
      (c, id) => {
        c.double.eof(id, 1);
        c.double.eof(id, 1);
      },
      "a second EOF on stdout",
    ],
    [
      "for a second result",
      (c, id) => c.double.result(id, 0, new FieldWriter().u32(20, 8)),
      "a second RESULT for stream 1",
    ],
    ["for an exit status that cannot be", (c, id) => c.double.exit(id, 256), "EXIT with code 256"],
    [
      "for a signal that cannot be",
      (c, id) =>
        c.double.send({ type: frameTypes.exit, stream: id, payload: new FieldWriter().u32(2, 65).finish() }),
      "EXIT by signal 65",
    ],
    [
      "for an exit that says nothing",
      (c, id) => c.double.send({ type: frameTypes.exit, stream: id }),
      "EXIT without field 1",
    ],
    [
      "for a field past its payload",
      (c, id) => {
        const payload = new FieldWriter().u32(1, 0).finish();
        payload.writeUInt32LE(5, 4);
        c.double.send({ type: frameTypes.exit, stream: id, payload });
      },
      "EXIT whose field 1 runs past it",
    ],
    [
      "for a reset without a reason",
      (c, id) => c.double.send({ type: frameTypes.reset, stream: id, payload: Buffer.alloc(3) }),
      "RESET that ends inside a field",
    ],
    ["for one welcome too many", (c) => c.double.welcome(), "WELCOME without a HELLO"],
    [
      "for a storm of welcomes",
      (c) => {
        for (let i = 0; i < 100; i += 1) c.double.welcome(welcomePayload());
      },
      "WELCOME without a HELLO",
    ],
    [
      "for an answer to a ping that was not sent",
      (c) => c.double.send({ type: frameTypes.pong, payload: Buffer.alloc(8) }),
      "PONG without its PING",
    ],
  ];
  for (const [title, attack, problem] of attacks) {
    test(title, async () => {
      const message = `the guest broke the agent protocol: ${problem}`;
      await using c = await connected();
      const starting = c.agent.exec({ args: ["victim"] }, never);
      const id = await c.double.started();
      const process = await starting;
      const syncing = rejectsWith(c.agent.sync(never), "guest_protocol", message);
      await c.double.next(frameTypes.open).then(() => attack(c, id));
      assert.equal((await c.agent.closed).message, message);
      await syncing;
      await rejectsWith(process.exited, "guest_protocol", message);
      assert.equal(c.host.destroyed, true);
    });
  }

  test("for talking of a stream before its result", async () => {
    const cases: [(c: Connected, id: number) => void, string][] = [
      [(c, id) => c.double.data(id, 1, "x"), "DATA before RESULT"],
      [(c, id) => c.double.eof(id, 1), "EOF before RESULT"],
      [(c, id) => c.double.exit(id, 0), "EXIT before RESULT"],
      [(c, id) => c.double.window(id, 5), "WINDOW before RESULT"],
    ];
    for (const [attack, problem] of cases) {
      await using c = await connected();
      const starting = c.agent.exec({ args: ["victim"] }, never);
      const { stream } = await c.double.next(frameTypes.open);
      attack(c, stream);
      await rejectsWith(starting, "guest_protocol", `the guest broke the agent protocol: ${problem}`);
    }
  });

  test("for guessing the answer to a ping that still waits to be sent", async () => {
    await using c = await connected();
    const starting = c.agent.exec({ args: ["victim"] }, never);
    const id = await c.double.started();
    const process = await starting;
    c.double.window(id, 2 ** 30);
    await settle();
    c.double.duplex.pause();
    process.stdin.write(Buffer.alloc(2 * mebibyte));
    const message = "the guest broke the agent protocol: PONG without its PING";
    const pinging = rejectsWith(c.agent.ping(never), "guest_protocol", message);
    c.double.send({ type: frameTypes.pong, payload: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]) });
    await pinging;
  });

  test("and another guest does not notice", async () => {
    await using bad = await connected();
    await using good = await connected();
    const syncing = good.agent.sync(never);
    bad.double.raw(Buffer.from("garbage"));
    await bad.agent.closed;
    good.double.result((await good.double.next(frameTypes.open)).stream);
    await syncing;
  });
});

describe("a hostile guest does not make the daemon grow", () => {
  test("by a flood of pings whose answers it does not read", async () => {
    await using c = await connected();
    c.double.duplex.pause();
    const ping = encodeFrame({ type: frameTypes.ping, session: c.double.session, payload: Buffer.alloc(64) });
    await bounded(8, () => flood(c, Buffer.concat(new Array(700).fill(ping)), 32));
    assert.ok(c.host.writableLength <= outboxLimit, `${c.host.writableLength} bytes wait`);
  });

  test("by a flood of log lines", async () => {
    await using c = await connected();
    const payload = new FieldWriter().u32(1, 1).text(2, "x".repeat(300)).finish();
    const event = encodeFrame({ type: frameTypes.event, session: c.double.session, payload });
    await bounded(8, () => flood(c, Buffer.concat(new Array(200).fill(event)), 32));
    assert.ok(c.logs.length >= 1000);
    assert.ok(c.logs.length < 200 * 1000, "not every line was kept");
  });

  test("by single bytes of output that nobody reads, each in a piece of its own", async () => {
    await using c = await connected();
    const starting = c.agent.exec({ args: ["victim"] }, never);
    const id = await c.double.started();
    const process = await starting;
    const byte = encodeFrame({
      type: frameTypes.data,
      session: c.double.session,
      stream: id,
      channel: 2,
      payload: Buffer.from("b"),
    });
    const piece = Buffer.concat([byte, Buffer.alloc(65_000)]);
    await bounded(8, () => flood(c, piece, 40));
    const waiting = process.stderr;
    c.double.exit(id, 0);
    let got = 0;
    for await (const chunk of waiting) got += (chunk as Buffer).length;
    assert.equal(got, Math.ceil((40 * mebibyte) / piece.length));
  });

  test("by output that was taken, while it does not read the credit for it", async () => {
    await using c = await connected();
    const starting = c.agent.exec({ args: ["victim"] }, never);
    const id = await c.double.started();
    const process = await starting;
    c.double.duplex.pause();
    let got = 0;
    process.stdout.on("data", (chunk: Buffer) => {
      got += chunk.length;
    });
    const session = c.double.session;
    const whole = encodeFrame({
      type: frameTypes.data,
      session,
      stream: id,
      channel: 1,
      payload: Buffer.alloc(payloadLimit),
    });
    await bounded(8, () => flood(c, whole, 40));
    assert.ok(got >= 38 * mebibyte);
    assert.ok(c.host.writableLength <= outboxLimit);
  });

  test("by frames for streams that are over", async () => {
    await using c = await connected();
    const syncing = c.agent.sync(never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream);
    await syncing;
    const session = c.double.session;
    const late = encodeFrame({
      type: frameTypes.data,
      session,
      stream,
      channel: 1,
      payload: Buffer.alloc(payloadLimit),
    });
    await bounded(8, () => flood(c, late, 40));
  });

  test("by not reading what it is sent", async () => {
    await using c = await connected();
    const processes = [];
    for (let i = 0; i < 64; i += 1) {
      const starting = c.agent.exec({ args: ["victim"] }, never);
      const id = await c.double.started();
      const process = await starting;
      c.double.window(id, 2 ** 30);
      processes.push(process);
    }
    await settle();
    c.double.duplex.pause();
    const chunk = Buffer.alloc(65_536);
    let accepted = 0;
    for (let round = 0; round < 40; round += 1) {
      for (const process of processes) {
        if (process.stdin.writableNeedDrain) continue;
        process.stdin.write(chunk);
        accepted += chunk.length;
      }
      await turn();
    }
    assert.ok(c.host.writableLength <= outboxLimit, `${c.host.writableLength} bytes wait`);
    assert.ok(accepted <= 64 * 2 * 65_536 + 3 * outboxLimit, `${accepted} bytes were accepted`);
    for (const process of processes) {
      for (let i = 0; i < 10_000; i += 1) process.kill(1 + (i % 64));
      process.resize(1, 1);
      process.reset();
    }
    assert.ok(c.host.writableLength <= outboxLimit);
  });

  test("by a frame that never comes to its end", async () => {
    await using c = await connected();
    const frame = encodeFrame({
      type: frameTypes.event,
      session: c.double.session,
      payload: Buffer.alloc(payloadLimit),
    });
    await bounded(2, async () => {
      for (let at = 0; at < 3000; at += 1) {
        c.double.raw(frame.subarray(at, at + 1));
        if (at % 100 === 0) await turn();
      }
    });
    assert.equal(c.host.destroyed, false);
  });

  test("by padding without end", async () => {
    await using c = await connected();
    await bounded(8, () => flood(c, Buffer.alloc(65_536), 32));
    const syncing = c.agent.sync(never);
    c.double.result((await c.double.next(frameTypes.open)).stream);
    await syncing;
  });
});

/** Sends a piece over and over, this many mebibytes of it, as fast as the host reads. */
async function flood(c: Connected, piece: Buffer, mebibytes: number): Promise<void> {
  for (let sent = 0; sent < mebibytes * mebibyte; sent += piece.length) {
    if (!c.double.raw(Buffer.from(piece))) await c.double.drained();
  }
  await settle();
}

/** Fails when work leaves this process larger by more than so many mebibytes. */
async function bounded(mebibytes: number, work: () => Promise<void>): Promise<void> {
  const before = await memory();
  await work();
  const grown = (await memory()) - before;
  assert.ok(grown <= mebibytes * mebibyte, `grew by ${(grown / mebibyte).toFixed(1)} MiB`);
}

async function memory(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 2; i += 1) {
    collect();
    await turn();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 30; i += 1) await turn();
}

function header(
  c: Connected,
  of: { type: number; channel?: number; stream: number; length: number },
): Buffer {
  const bytes = encodeFrame({ session: c.double.session, ...of }).subarray(0, 16);
  bytes.set(u32(of.length), 12);
  return bytes;
}
