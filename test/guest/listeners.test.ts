import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { type ListenerChange, ListenerReader } from "../../src/guest/listeners.ts";
import { isFault } from "../../src/lib/errors/error.ts";
import { freePort, tcpServer } from "../network/servers.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";
import { connected, never } from "./agent-double.ts";
import { noRealAgent, realAgent } from "./real-agent.ts";

describe("records of ports", () => {
  test("are read as the document says", () => {
    const reader = new ListenerReader();
    const bytes = Buffer.concat([
      record(163, 4, 8080, [127, 0, 0, 1], "node"),
      record(163, 6, 22, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "sshd"),
      record(163, 6, 80, [], ""),
      record(164, 4, 443, [0, 0, 0, 0], ""),
      new FieldWriter().text(999, "later").finish(),
    ]);
    assert.deepEqual(reader.push(bytes), [
      { change: "opened", port: 8080, address: "127.0.0.1", process: "node" },
      { change: "opened", port: 22, address: "::1", process: "sshd" },
      { change: "opened", port: 80, address: "::", process: "" },
      { change: "closed", port: 443, address: "0.0.0.0" },
    ]);
  });

  test("come out the same, whatever the pieces they arrive in", () => {
    const some = fc.array(
      fc.record({ port: fc.integer({ min: 1, max: 65_535 }), name: fc.stringMatching(/^[a-z]{0,15}$/) }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 50 }), (ports, size) => {
        const bytes = Buffer.concat(ports.map(({ port, name }) => record(163, 4, port, [10, 0, 0, 1], name)));
        const reader = new ListenerReader();
        const got: ListenerChange[] = [];
        for (let at = 0; at < bytes.length; at += size)
          got.push(...reader.push(bytes.subarray(at, at + size)));
        assert.deepEqual(
          got.map((change) => [change.port, change.change === "opened" && change.process]),
          ports.map(({ port, name }) => [port, name]),
        );
      }),
    );
  });

  test("that are wrong are a broken protocol and nothing else", () => {
    throwsWith(() => new ListenerReader().push(record(163, 5, 80, [], "")), "guest_protocol");
    throwsWith(() => new ListenerReader().push(record(163, 4, 0, [], "")), "guest_protocol");
    throwsWith(
      () => new ListenerReader().push(new FieldWriter().text(163, "short").finish()),
      "guest_protocol",
    );
    const huge = Buffer.alloc(8);
    huge.writeUInt32LE(1025, 4);
    throwsWith(
      () => new ListenerReader().push(huge),
      "guest_protocol",
      "the guest broke the agent protocol: a port's record of 1025 bytes",
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        const reader = new ListenerReader();
        try {
          for (const chunk of chunks) reader.push(Buffer.from(chunk));
        } catch (error) {
          assert.ok(isFault(error, "guest_protocol"));
        }
      }),
    );
  });
});

test("watching ends with the signal, and in the guest", async () => {
  await using c = await connected();
  const abort = new AbortController();
  const watching = c.agent.watchListeners(abort.signal)[Symbol.asyncIterator]();
  const first = watching.next();
  const { stream } = await c.double.next(frameTypes.open);
  c.double.result(stream);
  c.double.data(stream, 1, record(163, 4, 80, [], "nginx"));
  assert.equal((await first).value?.length, 1);
  const second = watching.next();
  abort.abort();
  await rejectsWith(second, "interrupted", "watching ports was cancelled");
  await c.double.next(frameTypes.reset);
});

describe("the real agent", { skip: noRealAgent() }, () => {
  test("tells what listens on this host, what comes and what goes", async (t) => {
    const early = await tcpServer(t, (socket) => socket.destroy());
    await using real = await realAgent();
    const seen = follow(real.agent.watchListeners(never));
    assert.equal((await seen(early, "opened")).address, "127.0.0.1");
    const late = await freePort();
    const server = await import("node:net").then(({ createServer }) => createServer().listen(late, "::1"));
    const opened = await seen(late, "opened");
    assert.equal(opened.address, "::1");
    assert.ok(
      opened.change === "opened" && /^(node|MainThread)/.test(opened.process),
      JSON.stringify(opened),
    );
    server.close();
    await seen(late, "closed");
  });

  test("has one watcher at a time", async () => {
    await using real = await realAgent();
    const abort = new AbortController();
    const watching = real.agent.watchListeners(abort.signal)[Symbol.asyncIterator]();
    const first = watching.next();
    const second = real.agent.watchListeners(never)[Symbol.asyncIterator]();
    await rejectsWith(
      second.next(),
      "guest_refused",
      "the guest could not watch its ports: the ports are watched already (EBUSY)",
    );
    abort.abort();
    await first.catch(() => undefined);
  });
});

/** Waits for a change of a port, passing over all others. */
function follow(
  changes: AsyncIterable<ListenerChange[]>,
): (port: number, change: string) => Promise<ListenerChange> {
  const iterator = changes[Symbol.asyncIterator]();
  const waiting: ListenerChange[] = [];
  return async (port, change) => {
    for (;;) {
      const next = waiting.shift();
      if (next?.port === port && next.change === change) return next;
      if (next) continue;
      const { value } = await iterator.next();
      waiting.push(...(value as ListenerChange[]));
    }
  };
}

function record(tag: number, family: number, port: number, address: number[], name: string): Buffer {
  const bytes = Buffer.alloc(20);
  bytes[0] = family;
  bytes.writeUInt16LE(port, 2);
  bytes.set(address, 4);
  return new FieldWriter().bytes(tag, Buffer.concat([bytes, Buffer.from(name)])).finish();
}
