import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFault } from "../../../../src/lib/errors/error.ts";
import { QmpClient } from "../../../../src/vmm/qemu/qmp/client.ts";
import { rejectsWith } from "../../../support/faults.ts";
import { temporaryDirectory } from "../../../support/temporary.ts";
import { greeting, qmpDouble } from "./double.ts";

const limits = { timeout: 5000 };

describe("a connection to QEMU's control socket", () => {
  test("learns the version and leaves the negotiation before it is handed out", async (t) => {
    const qemu = await qmpDouble(t);
    using client = await QmpClient.connect(qemu.path, limits);
    assert.equal(client.version, "7.2.22");
    assert.deepEqual(qemu.requests, [{ execute: "qmp_capabilities", id: 1 }]);
  });

  test("gives each command its own answer, in whatever order they come", async (t) => {
    const held: number[] = [];
    const qemu = await qmpDouble(t, {
      answer: ({ execute, id }, socket) => {
        if (execute === "qmp_capabilities") return { return: {}, id };
        held.push(id);
        if (held.length < 3) return undefined;
        for (const late of held.toReversed())
          socket.write(`${JSON.stringify({ return: { late }, id: late })}\n`);
        return undefined;
      },
    });
    using client = await QmpClient.connect(qemu.path, limits);
    const answers = await Promise.all(["a", "b", "c"].map((name) => client.execute(name, { x: name })));
    assert.deepEqual(answers, [{ late: 2 }, { late: 3 }, { late: 4 }]);
    assert.deepEqual(qemu.requests[1], { execute: "a", arguments: { x: "a" }, id: 2 });
  });

  test("makes an error of what QEMU refuses", async (t) => {
    const qemu = await qmpDouble(t, {
      answer: ({ execute, id }) =>
        execute === "quit"
          ? { error: { class: "CommandNotFound", desc: "The command quit has not been found" }, id }
          : { return: {}, id },
    });
    using client = await QmpClient.connect(qemu.path, limits);
    await rejectsWith(
      client.execute("quit"),
      "vmm_protocol",
      "QEMU answered with something unexpected: CommandNotFound: The command quit has not been found",
    );
    assert.deepEqual(await client.execute("other"), {});
  });

  test("hands on events, also between a command and its answer", async (t) => {
    const qemu = await qmpDouble(t, {
      answer: ({ execute, id }, socket) => {
        if (execute === "stop") socket.write('{"event":"STOP","timestamp":{"seconds":1,"microseconds":2}}\n');
        return { return: {}, id };
      },
    });
    using client = await QmpClient.connect(qemu.path, limits);
    const heard: unknown[] = [];
    client.onEvent((event) => heard.push(event));
    await client.execute("stop");
    qemu.send({ event: "RESET", data: { guest: true, reason: "guest-reset" } });
    await client.execute("other");
    assert.deepEqual(heard, [
      { name: "STOP", data: {}, at: 1000.002 },
      { name: "RESET", data: { guest: true, reason: "guest-reset" }, at: 0 },
    ]);
  });

  test("rejects what waits when QEMU leaves, and everything after", async (t) => {
    const qemu = await qmpDouble(t, {
      answer: ({ execute, id }, socket) => {
        if (execute === "qmp_capabilities") return { return: {}, id };
        socket.end();
        return undefined;
      },
    });
    using client = await QmpClient.connect(qemu.path, limits);
    const message = "QEMU answered with something unexpected: the connection was closed";
    await rejectsWith(client.execute("quit"), "vmm_protocol", message);
    assert.equal((await client.closed).message, message);
    await rejectsWith(client.execute("again"), "vmm_protocol", message);
  });

  test("that is closed says so to those who wait", async (t) => {
    const qemu = await qmpDouble(t, {
      answer: ({ execute, id }) => (execute === "qmp_capabilities" ? { return: {}, id } : undefined),
    });
    const client = await QmpClient.connect(qemu.path, limits);
    const waiting = client.execute("never");
    client.close();
    await rejectsWith(waiting, "vmm_protocol");
    await client.closed;
  });

  test("does not wait for ever, for a greeting or for an answer", async (t) => {
    const silent = await qmpDouble(t, { greeting: undefined });
    await rejectsWith(
      QmpClient.connect(silent.path, { timeout: 20 }),
      "timed_out",
      "QEMU's control socket took longer than 0.02 s",
    );
    const mute = await qmpDouble(t, {
      answer: ({ execute, id }) => (execute === "qmp_capabilities" ? { return: {}, id } : undefined),
    });
    using client = await QmpClient.connect(mute.path, limits);
    await rejectsWith(
      client.execute("query-status", undefined, { timeout: 20 }),
      "timed_out",
      "QEMU's answer to query-status took longer than 0.02 s",
    );
    await rejectsWith(
      client.execute("query-status", undefined, { signal: AbortSignal.abort() }),
      "interrupted",
    );
    await rejectsWith(
      QmpClient.connect(mute.path, { ...limits, signal: AbortSignal.abort() }),
      "interrupted",
    );
  });

  test("to a socket that is not there keeps the system's word as the cause", async (t) => {
    const path = join(temporaryDirectory(t), "none.sock");
    const error = await rejectsWith(QmpClient.connect(path, limits), "vmm_protocol");
    assert.match(error.causes[0] ?? "", /ENOENT/);
  });

  test("ends at a line that is no message", async (t) => {
    const qemu = await qmpDouble(t);
    using client = await QmpClient.connect(qemu.path, limits);
    qemu.send("surprise\n");
    assert.equal(
      (await client.closed).message,
      "QEMU answered with something unexpected: a line that is no message: surprise",
    );
  });

  test("ends at a line that never ends, without keeping it", async (t) => {
    const qemu = await qmpDouble(t);
    using client = await QmpClient.connect(qemu.path, limits);
    qemu.send("x".repeat(2 ** 20 + 1));
    assert.equal(
      (await client.closed).message,
      "QEMU answered with something unexpected: a line over 1048576 bytes",
    );
  });

  test("to anything at all ends in a version or in an error of ours, and leaves no socket", async (t) => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc.json(),
      fc.constantFrom(
        JSON.stringify(greeting),
        '{"return":{},"id":1}',
        '{"error":{"class":"X","desc":"y"}}',
        '{"event":1}',
        "[]",
        "null",
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(noise, { maxLength: 6 }), async (lines) => {
        const text = lines.map((line) => `${line}\n`).join("");
        const qemu = await qmpDouble(t, { greeting: text, answer: () => undefined });
        try {
          using client = await QmpClient.connect(qemu.path, { timeout: 10 });
          assert.match(client.version, /^\d+\.\d+\.\d+$/);
        } catch (error) {
          assert.ok(isFault(error, "vmm_protocol", "timed_out"), String(error));
        }
        await qemu.close();
      }),
      { numRuns: 25 },
    );
  });
});
