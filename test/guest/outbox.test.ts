import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { Writable } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeFrame, frameTypes } from "../../src/guest/frames.ts";
import { Outbox, outboxLimit, type Writer } from "../../src/guest/outbox.ts";

const session = 0x0101_0101;

describe("the outbox", () => {
  test("writes the frames in their order, byte for byte", async () => {
    const sizes = fc.array(fc.oneof(fc.nat(100), fc.constantFrom(2048, 2049, 16_384, 32_768)), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (frames) => {
        const sink = new Sink();
        const outbox = new Outbox(sink.asDuplex(), session);
        const expected = frames.map((size, i) => {
          const payload = Buffer.alloc(size, i);
          outbox.add(frameTypes.data, 0, i + 1, payload);
          return encodeFrame({ type: frameTypes.data, session, stream: i + 1, payload });
        });
        await sink.turns(frames.length > 0 ? 1 : 0);
        assert.ok(Buffer.concat(sink.got).equals(Buffer.concat(expected)));
        assert.equal(outbox.size, 0);
      }),
      { numRuns: 40 },
    );
  });

  test("writes the frames of one turn in one call, and collects the next meanwhile", async () => {
    const sink = new Sink({ held: true });
    const outbox = new Outbox(sink.asDuplex(), session);
    for (let i = 0; i < 100; i += 1) outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(8));
    await turn();
    assert.equal(sink.calls, 1);
    outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(8));
    outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(8));
    await turn();
    assert.equal(sink.calls, 1);
    sink.release();
    await turn();
    assert.equal(sink.calls, 2);
  });

  test("is not ready for more than a mebibyte of a channel that does not take it", async () => {
    const sink = new Sink({ held: true });
    const outbox = new Outbox(sink.asDuplex(), session);
    let frames = 0;
    while (outbox.ready) {
      outbox.add(frameTypes.data, 0, 1, Buffer.alloc(32_768));
      frames += 1;
      if (frames % 10 === 0) await turn();
    }
    assert.ok(outbox.size <= outboxLimit);
    assert.ok(outbox.size > outboxLimit - 2 * 32_788);
    sink.release();
    await turn();
    await turn();
    assert.equal(outbox.ready, true);
  });

  test("calls those who wait in their order, each once, as long as there is room", async () => {
    const sink = new Sink({ held: true });
    const outbox = new Outbox(sink.asDuplex(), session);
    const pumped: string[] = [];
    const writer = (name: string, bytes: number): Writer => ({
      pump: () => {
        pumped.push(name);
        while (bytes > 0 && outbox.ready) {
          outbox.add(frameTypes.data, 0, 1, Buffer.alloc(32_768));
          bytes -= 32_768;
        }
      },
    });
    while (outbox.ready) outbox.add(frameTypes.data, 0, 1, Buffer.alloc(32_768));
    await turn();
    const greedy = writer("greedy", 4 * outboxLimit);
    for (const who of [writer("first", 1), greedy, writer("last", 1)]) outbox.wait(who);
    outbox.wait(greedy);
    sink.release();
    await turn();
    assert.deepEqual(pumped, ["first", "greedy"]);
    sink.release();
    await turn();
    assert.deepEqual(pumped, ["first", "greedy", "last"]);
  });

  test("says when what was added before is written", async () => {
    const sink = new Sink({ held: true });
    const outbox = new Outbox(sink.asDuplex(), session);
    const done: number[] = [];
    outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(1));
    outbox.afterwards(() => done.push(1));
    await turn();
    outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(1));
    outbox.afterwards(() => done.push(2));
    await turn();
    assert.equal(done.length, 0);
    sink.release();
    await turn();
    assert.deepEqual(done, [1]);
    outbox.afterwards(() => done.push(3));
    await turn();
    assert.deepEqual(done, [1]);
    sink.release();
    await turn();
    assert.deepEqual(done, [1, 2, 3]);
    outbox.afterwards(() => done.push(4));
    await turn();
    assert.deepEqual(done, [1, 2, 3, 4]);
  });

  test("forgets everything when it is closed", async () => {
    const sink = new Sink();
    const outbox = new Outbox(sink.asDuplex(), session);
    outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(1));
    outbox.afterwards(() => assert.fail("nothing was written"));
    outbox.close();
    outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(1));
    await turn();
    assert.equal(sink.calls, 0);
    assert.equal(outbox.size, 0);
  });
});

/** Takes bytes at once, or when they are released. */
class Sink extends Writable {
  readonly got: Buffer[] = [];
  calls = 0;
  readonly #held: boolean;
  #done: () => void = () => undefined;

  constructor(options: { held?: boolean } = {}) {
    super();
    this.#held = options.held ?? false;
  }

  asDuplex(): Duplex {
    return this as unknown as Duplex;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(writes: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      writes.map((write) => write.chunk),
      done,
    );
  }

  release(): void {
    this.#done();
  }

  /** Waits for this many calls. */
  async turns(calls: number): Promise<void> {
    for (let i = 0; i < 10 && this.calls < calls; i += 1) await turn();
    await turn();
  }

  #take(chunks: Buffer[], done: () => void): void {
    this.calls += 1;
    this.got.push(...chunks);
    if (this.#held) this.#done = done;
    else done();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
