import assert from "node:assert/strict";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes, initialCredit } from "../../src/guest/frames.ts";
import type { GuestProcess } from "../../src/guest/process.ts";
import { rejectsWith } from "../support/faults.ts";
import { type Connected, connected, never } from "./agent-double.ts";

describe("a process in the guest", () => {
  test("hands over its outputs, apart from each other, and its status", async () => {
    await using c = await connected();
    const { id, process } = await start(c, 42);
    assert.equal(process.pid, 42);
    c.double.data(id, 1, "out");
    c.double.data(id, 2, "err");
    c.double.data(id, 1, "put");
    c.double.eof(id, 1);
    c.double.eof(id, 2);
    c.double.exit(id, 3);
    assert.deepEqual(await Promise.all([text(process.stdout), text(process.stderr)]), ["output", "err"]);
    assert.deepEqual(await process.exited, { code: 3 });
  });

  test("that ended by a signal says so as shells do", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    c.double.send({ type: frameTypes.exit, stream: id, payload: new FieldWriter().u32(2, 15).finish() });
    assert.deepEqual(await process.exited, { code: 143, signal: 15 });
  });

  test("has ended outputs when it has ended, also where no EOF was sent", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    c.double.data(id, 1, "tty");
    c.double.exit(id, 0);
    assert.deepEqual(await Promise.all([text(process.stdout), text(process.stderr)]), ["tty", ""]);
  });

  test("gets its input in order, and its end", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    process.stdin.write("one ");
    process.stdin.end("two");
    let got = "";
    for (;;) {
      const frame = await c.double.next();
      assert.equal(frame.stream, id);
      assert.equal(frame.channel, 0);
      if (frame.type === frameTypes.eof) break;
      assert.equal(frame.type, frameTypes.data);
      got += String(frame.payload);
    }
    assert.equal(got, "one two");
  });

  test("gets no more input than it granted, and the rest as it grants more", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    let got = 0;
    c.double.onFrame = (frame) => {
      got += frame.payload.length;
    };
    process.stdin.end(Buffer.alloc(initialCredit + 1000));
    await settle();
    assert.equal(got, initialCredit);
    c.double.window(id, 600);
    await settle();
    assert.equal(got, initialCredit + 600);
    c.double.window(id, 1000);
    await settle();
    assert.equal(got, initialCredit + 1000);
  });

  test("has taken a write only when it is on its way, so that a slow channel slows its source", async () => {
    await using c = await connected();
    const { process } = await start(c);
    await settle();
    c.double.duplex.pause();
    let taken = false;
    process.stdin.write(Buffer.alloc(120_000), () => {
      taken = true;
    });
    await settle();
    assert.equal(taken, false);
    c.double.duplex.resume();
    await settle();
    assert.equal(taken, true);
  });

  test("is granted credit for what its reader took", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    for (let i = 0; i < 4; i += 1) c.double.data(id, 1, Buffer.alloc(32_768));
    await settle();
    assert.deepEqual(c.double.frames, [], "nothing was read yet");
    let taken = 0;
    process.stdout.on("data", (chunk: Buffer) => {
      taken += chunk.length;
    });
    let granted = 0;
    while (granted < initialCredit) {
      const frame = await c.double.next(frameTypes.window);
      assert.deepEqual([frame.stream, frame.channel], [id, 1]);
      granted += frame.payload.readUInt32LE(0);
    }
    assert.equal(taken, initialCredit);
    assert.equal(granted, initialCredit);
  });

  test("is sent the size of its terminal and signals", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    process.resize(50, 132_000);
    const resize = await c.double.next(frameTypes.resize);
    const size = new Fields(resize.payload, "RESIZE");
    assert.deepEqual([resize.stream, size.u32(1), size.u32(2)], [id, 50, 65_535]);
    process.kill(15);
    const signal = await c.double.next(frameTypes.signal);
    assert.equal(new Fields(signal.payload, "SIGNAL").u32(1), 15);
  });

  test("that is let go is reset in the guest and ends here at once", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    const reading = text(process.stdout);
    process.reset();
    await rejectsWith(process.exited, "interrupted", "the command in the guest was cancelled");
    await rejectsWith(reading, "interrupted", "the command in the guest was cancelled");
    const reset = await c.double.next(frameTypes.reset);
    assert.equal(reset.stream, id);
    c.double.data(id, 1, "still on its way");
    c.double.exit(id, 1);
    process.reset();
    process.kill(9);
    process.resize(1, 1);
    await settle();
    assert.equal(process.stdin.destroyed, true);
  });

  test("that the agent gives up fails with its reason", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    const payload = new FieldWriter().u32(1, 12).text(2, "no memory\u001b[1m").finish();
    c.double.send({ type: frameTypes.reset, stream: id, payload });
    await rejectsWith(
      process.exited,
      "guest_refused",
      "the guest could not go on with the command: no memory\uFFFD[1m (ENOMEM)",
    );
  });

  test("that ends closes its input, and what pours into it learns that", async () => {
    await using c = await connected();
    const { id, process } = await start(c);
    const pouring = pipeline(async function* () {
      for (;;) {
        yield Buffer.alloc(1000);
        await turn();
      }
    }, process.stdin);
    c.double.exit(id, 0);
    await rejectsWith(pouring, "channel_closed", "the connection to the machine ended: the command ended");
  });

  test("whose reader stalls does not hold up another", async () => {
    await using c = await connected();
    const stalled = await start(c);
    const lively = await start(c);
    for (let i = 0; i < 4; i += 1) c.double.data(stalled.id, 1, Buffer.alloc(32_768, "s"));
    let got = 0;
    lively.process.stdout.on("data", (chunk: Buffer) => {
      got += chunk.length;
    });
    for (let sent = 0; sent < 40; sent += 1) {
      c.double.data(lively.id, 1, Buffer.alloc(32_768, "l"));
      if (sent >= 3) await c.double.next(frameTypes.window);
    }
    await settle();
    assert.equal(got, 40 * 32_768);
    c.double.exit(stalled.id, 0);
    assert.equal((await text(stalled.process.stdout)).length, initialCredit);
  });

  test("fails everywhere with a lost connection, and nothing goes unhandled", async () => {
    const c = await connected();
    const { id, process } = await start(c);
    const watched = await start(c);
    c.double.data(id, 1, "before");
    const reading = text(watched.process.stdout);
    const opening = c.agent.exec({ args: ["late"] }, never);
    const pouring = pipeline([Buffer.alloc(500_000)], watched.process.stdin);
    await settle();
    c.double.duplex.destroy();
    const message = "the connection to the machine ended: the guest's end was closed";
    const under = [reading, opening, pouring, watched.process.exited, process.exited];
    await Promise.all(under.map((work) => rejectsWith(work, "channel_closed", message)));
    assert.equal((await c.agent.closed).message, message);
    await rejectsWith(c.agent.exec({ args: ["later"] }, never), "channel_closed", message);
    await rejectsWith(c.agent.ping(never), "channel_closed", message);
    await rejectsWith(c.agent.sync(never), "channel_closed", message);
    let got = "";
    const late = (async () => {
      for await (const chunk of process.stdout) got += String(chunk);
    })();
    await rejectsWith(late, "channel_closed", message);
    assert.equal(got, "before");
    await c.agent.close();
  });
});

async function start(c: Connected, pid = 7): Promise<{ id: number; process: GuestProcess }> {
  const starting = c.agent.exec({ args: ["program"] }, never);
  const id = await c.double.started(pid);
  return { id, process: await starting };
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

/** Lets everything that is under way arrive: channels and streams take a few turns of the event loop. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
}
