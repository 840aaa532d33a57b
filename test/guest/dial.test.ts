import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { type DialTarget, describeTarget } from "../../src/guest/dial.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { ended, freePort, tcpServer } from "../network/servers.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { connected, never, u32 } from "./agent-double.ts";
import { noRealAgent, realAgent } from "./real-agent.ts";

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const echo = (socket: Socket): void => void socket.pipe(socket);

describe("the order to dial", () => {
  const orders: [DialTarget, string][] = [
    [{ port: 8080 }, "a1=901f0000"],
    [{ port: 22, address: "10.0.2.15" }, `a0=${Buffer.from("10.0.2.15").toString("hex")} a1=16000000`],
    [{ path: "/run/x.sock" }, `a2=${Buffer.from("/run/x.sock").toString("hex")}`],
  ];
  for (const [target, wanted] of orders) {
    test(`of ${describeTarget(target)} carries the fields of the document`, async () => {
      await using c = await connected();
      c.agent.dial(target, never);
      const { payload } = await c.double.next(frameTypes.open);
      assert.equal(fieldsOf(payload), `1=14000000 ${wanted}`);
    });
  }

  test("names an address of IPv6 as URLs do", () => {
    assert.equal(describeTarget({ port: 80, address: "::1" }), "[::1]:80");
    assert.equal(describeTarget({ port: 80, address: "10.0.0.1" }), "10.0.0.1:80");
    assert.equal(describeTarget({ port: 80 }), "port 80");
  });
});

describe("a connection on the host's side", () => {
  test("sends what is written before the guest has answered", async () => {
    await using c = await connected();
    const connection = c.agent.dial({ port: 80 }, never);
    connection.writable.write("GET /");
    const { stream } = await c.double.next(frameTypes.open);
    assert.equal(String((await c.double.next(frameTypes.data)).payload), "GET /");
    c.double.result(stream);
    await connection.connected;
    c.double.data(stream, 1, "hello");
    c.double.eof(stream, 1);
    assert.equal(await text(connection.readable), "hello");
  });

  test("ends its directions one by one, and is over with the agent's last word", async () => {
    await using c = await connected();
    const connection = c.agent.dial({ port: 80 }, never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream);
    connection.writable.end("bye");
    assert.equal(String((await c.double.next(frameTypes.data)).payload), "bye");
    await c.double.next(frameTypes.eof);
    c.double.data(stream, 1, "later");
    c.double.eof(stream, 1);
    c.double.exit(stream, 0);
    assert.equal(await text(connection.readable), "later");
    connection.reset();
    c.agent.dial({ port: 81 }, never);
    assert.equal((await c.double.next()).type, frameTypes.open);
  });

  test("that is reset tells the guest, and its reader", async () => {
    await using c = await connected();
    const connection = c.agent.dial({ port: 80 }, never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream);
    await connection.connected;
    connection.reset();
    assert.equal((await c.double.next(frameTypes.reset)).stream, stream);
    await rejectsWith(
      text(connection.readable),
      "interrupted",
      "the connection to port 80 in the guest was cancelled",
    );
  });

  test("that the guest breaks gives the reason", async () => {
    await using c = await connected();
    const connection = c.agent.dial({ port: 80 }, never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream);
    await connection.connected;
    c.double.send({ type: frameTypes.reset, stream, payload: resultOf(104) });
    await rejectsWith(
      text(connection.readable),
      "channel_closed",
      "the connection to the machine ended: port 80 of the guest: ECONNRESET",
    );
  });

  test("grants credit as its reader takes bytes, and no sooner", async () => {
    await using c = await connected();
    const connection = c.agent.dial({ port: 80 }, never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream);
    await connection.connected;
    for (let i = 0; i < 4; i += 1) c.double.data(stream, 1, Buffer.alloc(32_768));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(c.double.frames, []);
    connection.readable.resume();
    let granted = 0;
    while (granted < 131_072) granted += (await c.double.next(frameTypes.window)).payload.readUInt32LE();
    assert.equal(granted, 131_072);
  });

  test("that the caller gives up before the answer is taken back", async () => {
    await using c = await connected();
    const abort = new AbortController();
    const connection = c.agent.dial({ port: 80 }, abort.signal);
    await c.double.next(frameTypes.open);
    abort.abort();
    await rejectsWith(connection.connected, "interrupted", "dialling port 80 was cancelled");
    await c.double.next(frameTypes.reset);
  });

  const crimes: [string, (c: Awaited<ReturnType<typeof connected>>, stream: number) => void, string][] = [
    ["data before the answer", (c, stream) => c.double.data(stream, 1, "x"), "DATA before RESULT"],
    [
      "a second answer",
      (c, stream) => {
        c.double.result(stream);
        c.double.result(stream);
      },
      "a second RESULT for stream 1",
    ],
    [
      "standard error",
      (c, stream) => {
        c.double.result(stream);
        c.double.data(stream, 2, "x");
      },
      "DATA on channel 2 of a connection",
    ],
    [
      "too much credit",
      (c, stream) => c.double.window(stream, 0x7fffffff),
      "WINDOW that grants more than 2147483647 bytes",
    ],
  ];
  for (const [what, commit, problem] of crimes) {
    test(`takes ${what} for a broken protocol`, async () => {
      await using c = await connected();
      const connection = c.agent.dial({ port: 80 }, never);
      const { stream } = await c.double.next(frameTypes.open);
      commit(c, stream);
      const error = await c.agent.closed;
      assert.equal(error.message, `the guest broke the agent protocol: ${problem}`);
      connection.readable.resume();
    });
  }
});

describe("a connection through the real agent", { skip: noRealAgent() }, () => {
  test("carries four megabytes there and back, and both ends", async (t) => {
    const port = await tcpServer(t, echo);
    await using real = await realAgent();
    const { connected: ready, readable, writable } = real.agent.dial({ port }, never);
    const bytes = randomBytes(4_000_000);
    writable.end(bytes);
    await ready;
    assert.equal(sha256(await buffer(readable)), sha256(bytes));
  });

  test("ends in the guest when only the host has ended, and then still answers", async (t) => {
    const port = await tcpServer(t, (socket) => {
      const got: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => void got.push(chunk));
      socket.on("end", () => socket.end(`got ${Buffer.concat(got).length}`));
    });
    await using real = await realAgent();
    const { readable, writable } = real.agent.dial({ port }, never);
    writable.end(Buffer.alloc(1000));
    assert.equal(await text(readable), "got 1000");
  });

  test("goes on being written to when the guest has ended", async (t) => {
    const got = Promise.withResolvers<string>();
    const port = await tcpServer(t, (socket) => {
      socket.end("first");
      void text(socket).then(got.resolve);
    });
    await using real = await realAgent();
    const { readable, writable } = real.agent.dial({ port }, never);
    assert.equal(await text(readable), "first");
    writable.end("second");
    assert.equal(await got.promise, "second");
  });

  test("finds what listens on ::1 only", async (t) => {
    const port = await tcpServer(t, echo, "::1");
    await using real = await realAgent();
    const { readable, writable } = real.agent.dial({ port }, never);
    writable.end("six");
    assert.equal(await text(readable), "six");
  });

  test("reaches a unix socket", async (t) => {
    const path = join(temporaryDirectory(t), "s");
    const server = createServer({ allowHalfOpen: true }, echo).listen(path);
    await once(server, "listening");
    t.after(() => ended(server));
    await using real = await realAgent();
    const { readable, writable } = real.agent.dial({ path }, never);
    writable.end("local");
    assert.equal(await text(readable), "local");
  });

  test("to nobody says so", async () => {
    const port = await freePort();
    await using real = await realAgent();
    const refusals: [DialTarget, string][] = [
      [{ port }, `cannot connect to port ${port} in the guest: nothing listens there`],
      [
        { port, address: "127.0.0.1" },
        `cannot connect to 127.0.0.1:${port} in the guest: nothing listens there`,
      ],
      [{ path: "/nowhere" }, "cannot connect to /nowhere in the guest: there is no such socket"],
      [{}, "cannot connect to nothing in the guest: no address to dial (EINVAL)"],
      [{ port: 1, address: "x" }, "cannot connect to x:1 in the guest: no address to dial (EINVAL)"],
    ];
    for (const [target, message] of refusals) {
      await rejectsWith(real.agent.dial(target, never).connected, "dial_failed", message);
    }
  });

  test("that is broken on either side breaks on the other", async (t) => {
    const broken = Promise.withResolvers<string>();
    let sockets = 0;
    const port = await tcpServer(t, (socket) => {
      sockets += 1;
      if (sockets === 1) socket.once("data", () => socket.resetAndDestroy());
      else socket.on("error", (error: NodeJS.ErrnoException) => broken.resolve(error.code ?? ""));
    });
    await using real = await realAgent();
    const first = real.agent.dial({ port }, never);
    first.writable.write("x");
    await rejectsWith(text(first.readable), "channel_closed");
    const second = real.agent.dial({ port }, never);
    second.writable.write("x");
    await second.connected;
    await real.agent.ping(never);
    second.reset();
    assert.equal(await broken.promise, "ECONNRESET");
  });

  test("holds up a server whose reader stalls, and nobody else", async (t) => {
    let written = 0;
    const port = await tcpServer(t, (socket) => {
      const block = Buffer.alloc(65_536);
      const more = (): void => {
        do written += block.length;
        while (socket.write(block));
      };
      socket.on("drain", more);
      more();
    });
    const other = await tcpServer(t, echo);
    await using real = await realAgent();
    const stalled = real.agent.dial({ port }, never);
    await stalled.connected;
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = written;
    const { readable, writable } = real.agent.dial({ port: other }, never);
    writable.end("through");
    assert.equal(await text(readable), "through");
    assert.equal(written, before);
    stalled.reset();
  });

  test("leaves no descriptor behind, two hundred times over", async (t) => {
    const port = await tcpServer(t, echo);
    await using real = await realAgent();
    const open = (): number => readdirSync(`/proc/${real.pid}/fd`).length;
    const before = open();
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const { readable, writable } = real.agent.dial({ port }, never);
          writable.end(`${i}`);
          assert.equal(await text(readable), `${i}`);
        }),
      );
    }
    await real.agent.ping(never);
    assert.equal(open(), before);
  });
});

function fieldsOf(payload: Buffer): string {
  const found: string[] = [];
  for (let at = 0; at < payload.length; ) {
    const length = payload.readUInt32LE(at + 4);
    found.push(
      `${payload.readUInt16LE(at).toString(16)}=${payload.toString("hex", at + 8, at + 8 + length)}`,
    );
    at += 8 + length;
  }
  return found.join(" ");
}

function resultOf(errno: number): Buffer {
  return Buffer.concat([Buffer.from([1, 0, 0, 0, 4, 0, 0, 0]), u32(errno)]);
}
