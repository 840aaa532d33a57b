import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { GuestConnection } from "../../src/guest/guest-connection.ts";
import { join } from "../../src/network/join.ts";
import { client, tcpServer } from "./servers.ts";

/** A connection whose guest end a test plays by hand. */
class FakeConnection implements GuestConnection {
  readonly answer = Promise.withResolvers<void>();
  readonly connected = this.answer.promise;
  readonly readable = new PassThrough();
  readonly received = new PassThrough();
  readonly wasReset = Promise.withResolvers<void>();
  readonly writable: Writable = this.received;

  reset(): void {
    this.wasReset.resolve();
    this.readable.destroy();
    this.received.destroy();
  }
}

async function joined(t: Parameters<typeof tcpServer>[0]): Promise<{ guest: FakeConnection; peer: Socket }> {
  const guest = new FakeConnection();
  const port = await tcpServer(t, (socket) => join(socket, guest));
  const peer = await client(port);
  t.after(() => peer.destroy());
  return { guest, peer };
}

test("bytes and both ends go through, each on its own", async (t) => {
  const { guest, peer } = await joined(t);
  guest.answer.resolve();
  peer.end("question");
  assert.equal(await text(guest.received), "question");
  guest.readable.end("answer");
  assert.equal(await text(peer), "answer");
});

test("a guest that refuses breaks the connection instead of ending it", async (t) => {
  const { guest, peer } = await joined(t);
  const broke = once(peer, "error");
  guest.answer.reject(new Error("refused"));
  const [error] = await broke;
  assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
});

test("a peer that breaks the connection breaks it in the guest", async (t) => {
  const { guest, peer } = await joined(t);
  guest.answer.resolve();
  peer.write("x");
  await once(guest.received, "readable");
  peer.resetAndDestroy();
  await guest.wasReset.promise;
});

test("a guest that breaks it in the middle breaks it for the peer", async (t) => {
  const { guest, peer } = await joined(t);
  guest.answer.resolve();
  guest.readable.write("half");
  await once(peer, "data");
  const broke = once(peer, "error");
  guest.readable.destroy(new Error("broken"));
  const [error] = await broke;
  assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
});

test("a peer that does not read holds up the guest", async (t) => {
  const { guest, peer } = await joined(t);
  guest.answer.resolve();
  peer.pause();
  const block = Buffer.alloc(65_536);
  let blocks = 0;
  for (; blocks < 2000; blocks += 1) {
    if (guest.readable.write(block)) continue;
    const drained = once(guest.readable, "drain").then(() => true);
    if (!(await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 100, false))]))) break;
  }
  assert.ok(blocks < 2000, "it took 125 MiB for a peer that reads nothing");
});

test("what a guest says before it closes arrives, although it does not read what it is sent", async (t) => {
  const guest = new FakeConnection();
  const deaf = new Writable({ write: (_chunk, _encoding, done) => done() });
  Object.defineProperty(guest, "writable", { value: deaf });
  const server = createServer({ allowHalfOpen: true }, (socket) => join(socket, guest));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const peer = await client((server.address() as { port: number }).port);
  guest.answer.resolve();
  peer.write("a long request");
  await new Promise((resolve) => setTimeout(resolve, 20));
  guest.readable.end("too long");
  deaf.destroy();
  peer.write("that goes on");
  assert.equal(await text(peer), "too long");
  peer.end();
  await once(peer, "close");
});
