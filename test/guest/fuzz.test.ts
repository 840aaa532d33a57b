import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { FieldWriter } from "../../src/guest/fields.ts";
import { encodeFrame, frameTypes } from "../../src/guest/frames.ts";
import type { GuestProcess } from "../../src/guest/process.ts";
import { isFault } from "../../src/lib/errors/error.ts";
import { type Connected, connected, never, u32 } from "./agent-double.ts";
import { pieceSizes, pieces } from "./arbitrary.ts";

/** What the host is busy with while the guest does its worst: two processes, a call, a ping. */
interface Busy {
  c: Connected;
  outcomes: Promise<PromiseSettledResult<unknown>[]>;
}

describe("whatever a guest says, it ends its own connection at worst", () => {
  test("in frames of its own invention", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(invented(), { maxLength: 40 }), pieceSizes, async (frames, sizes) => {
        const busy = await setUp();
        const bytes = Buffer.concat(
          frames.map((frame) => encodeFrame({ session: busy.c.double.session, ...frame })),
        );
        await attack(busy, pieces(bytes, sizes));
      }),
      { numRuns: 120 },
    );
  });

  test("in bytes without sense", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), async (chunks) => {
        const busy = await setUp();
        await attack(
          busy,
          chunks.map((chunk) => Buffer.from(chunk)),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("in a conversation of which some bytes were changed", async () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        pieceSizes,
        async (changes, sizes) => {
          const busy = await setUp();
          const bytes = Buffer.concat(
            conversation().map((frame) => encodeFrame({ session: busy.c.double.session, ...frame })),
          );
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          await attack(busy, pieces(bytes, sizes));
        },
      ),
      { numRuns: 120 },
    );
  });
});

/** Sends the bytes and hangs up: everything must come to an end, each with an error of ours or a result. */
async function attack({ c, outcomes }: Busy, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) c.double.raw(chunk);
  for (let i = 0; i < 10; i += 1) await turn();
  c.double.duplex.destroy();
  for (const outcome of await outcomes) {
    if (outcome.status === "rejected") assert.ok(isFault(outcome.reason), String(outcome.reason));
  }
  const closed = await c.agent.closed;
  assert.ok(["guest_protocol", "channel_closed"].includes(closed.code), closed.message);
  await c.agent.close();
}

async function setUp(): Promise<Busy> {
  const c = await connected();
  const work: Promise<unknown>[] = [];
  const processes: GuestProcess[] = [];
  for (let i = 0; i < 2; i += 1) {
    const starting = c.agent.exec({ args: ["victim"] }, never);
    await c.double.started();
    processes.push(await starting);
  }
  processes[0]?.stdout.resume();
  for (const process of processes) {
    process.stdin.write(Buffer.alloc(200_000));
    work.push(process.exited, process.stderr.toArray());
  }
  work.push(c.agent.info(never), c.agent.ping(never));
  const outcomes = Promise.allSettled(work);
  await turn();
  return { c, outcomes };
}

interface Sent {
  type: number;
  channel?: number;
  stream?: number;
  payload?: Uint8Array;
}

/** Frames that are mostly well made, about streams that mostly exist. */
function invented(): fc.Arbitrary<Sent> {
  const fields = fc
    .array(fc.tuple(fc.constantFrom(1, 2, 20, 80, 81, 84, 85), fc.uint8Array({ maxLength: 8 })), {
      maxLength: 5,
    })
    .map((list) =>
      list.reduce((writer, [tag, value]) => writer.bytes(tag, value), new FieldWriter()).finish(),
    );
  const numbers = fc.nat(0xffff_ffff).map(u32);
  const raw = fc.uint8Array({ maxLength: 100 });
  return fc.record({
    type: fc.constantFrom(...Object.values(frameTypes), 0x66),
    channel: fc.constantFrom(0, 0, 1, 1, 2, 3),
    stream: fc.constantFrom(0, 1, 1, 2, 2, 3, 4, 0xffff_ffff),
    payload: fc.oneof(fields, numbers, raw),
  });
}

/** What a good agent would say to what `setUp` asks. */
function conversation(): Sent[] {
  const info = new FieldWriter()
    .u32(1, 0)
    .u64(80, 1n)
    .u64(81, 2n)
    .u64(82, 3n)
    .u32(83, 4)
    .u32(84, 2)
    .text(85, "otter")
    .text(86, "init")
    .finish();
  const { data, eof, exit, window, result, ping, event, pong } = frameTypes;
  return [
    { type: window, stream: 1, payload: u32(65_536) },
    { type: data, stream: 1, channel: 1, payload: Buffer.from("output") },
    { type: event, payload: new FieldWriter().u32(1, 1).text(2, "line").finish() },
    { type: data, stream: 2, channel: 2, payload: Buffer.from("error") },
    { type: ping, payload: Buffer.alloc(8) },
    { type: result, stream: 3, payload: info },
    { type: pong, payload: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]) },
    { type: eof, stream: 1, channel: 1 },
    { type: eof, stream: 1, channel: 2 },
    { type: exit, stream: 1, payload: new FieldWriter().u32(1, 0).finish() },
    { type: exit, stream: 2, payload: new FieldWriter().u32(2, 9).finish() },
  ];
}
