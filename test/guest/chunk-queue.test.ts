import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ChunkQueue, compact } from "../../src/guest/chunk-queue.ts";

describe("a queue of received bytes", () => {
  test("gives what was put in, in order, whatever the sizes and turns", () => {
    const step = fc.oneof(
      fc.nat({ max: 6000 }),
      fc.constantFrom(16_383, 16_384, 32_768),
      fc.constant("take" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ChunkQueue();
        const put: Buffer[] = [];
        const got: Buffer[] = [];
        for (const [turn, now] of steps.entries()) {
          if (now === "take") {
            got.push(queue.shift() ?? Buffer.alloc(0));
          } else {
            const chunk = Buffer.alloc(now, turn);
            put.push(chunk);
            queue.push(chunk);
          }
          assert.equal(queue.size, bytes(put) - bytes(got));
        }
        for (let chunk = queue.shift(); chunk; chunk = queue.shift()) got.push(chunk);
        assert.ok(Buffer.concat(got).equals(Buffer.concat(put)));
        assert.equal(queue.size, 0);
      }),
      { numRuns: 60 },
    );
  });

  test("holds no more memory than a few times its bytes, wherever they were received", () => {
    const queue = new ChunkQueue();
    for (let i = 0; i < 8192; i += 1)
      queue.push(Buffer.allocUnsafeSlow(65_536).subarray(100, 101 + (i % 16)));
    const size = queue.size;
    const memory = new Set<ArrayBufferLike>();
    for (let chunk = queue.shift(); chunk; chunk = queue.shift()) memory.add(chunk.buffer);
    const held = [...memory].reduce((sum, buffer) => sum + buffer.byteLength, 0);
    assert.ok(held <= 2 * size, `${held} bytes for ${size}`);
  });

  test("of a single byte holds no more than a page", () => {
    const queue = new ChunkQueue();
    queue.push(Buffer.from("x"));
    assert.equal(queue.shift()?.buffer.byteLength, 4096);
  });

  test("does not change what it has given away", () => {
    const queue = new ChunkQueue();
    queue.push(Buffer.from("first"));
    const first = queue.shift();
    queue.push(Buffer.from("second"));
    assert.equal(String(first), "first");
    assert.equal(String(queue.shift()), "second");
    assert.equal(queue.shift(), undefined);
  });

  test("is empty when it was cleared", () => {
    const queue = new ChunkQueue();
    queue.push(Buffer.alloc(20_000));
    queue.push(Buffer.from("x"));
    queue.clear();
    assert.equal(queue.size, 0);
    assert.equal(queue.shift(), undefined);
  });
});

test("a small payload is taken out of the memory it arrived in, a big one is not copied", () => {
  const received = Buffer.allocUnsafeSlow(65_536);
  assert.notEqual(compact(received.subarray(0, 10)).buffer, received.buffer);
  assert.equal(compact(received.subarray(0, 32_768)).buffer, received.buffer);
});

function bytes(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
