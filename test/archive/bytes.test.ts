import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ByteReader } from "../../src/archive/bytes.ts";
import { chunked, gather } from "./support.ts";

const digits = Buffer.from("0123456789");

describe("ByteReader", () => {
  test("takes what is at hand, and nothing if that is too little", async () => {
    const reader = new ByteReader(chunked(digits, 4));
    assert.equal(reader.take(1), undefined);
    assert.equal((await reader.read(1)).toString(), "0");
    assert.equal(reader.take(4), undefined);
    assert.equal(reader.take(3)?.toString(), "123");
    assert.equal(reader.offset, 4);
  });

  test("reads across chunks", async () => {
    const reader = new ByteReader(chunked(digits, 3));
    assert.equal((await reader.read(8)).toString(), "01234567");
    assert.equal(reader.offset, 8);
  });

  test("gives fewer bytes at the end, and none after it", async () => {
    const reader = new ByteReader(chunked(digits, 3));
    assert.equal((await reader.read(20)).toString(), "0123456789");
    assert.equal((await reader.read(1)).length, 0);
    assert.equal(await reader.some(1), undefined);
    assert.equal(reader.offset, 10);
  });

  test("gives some bytes without waiting for more", async () => {
    const reader = new ByteReader(chunked(digits, 3));
    assert.equal((await reader.some(100))?.toString(), "012");
    assert.equal((await reader.some(2))?.toString(), "34");
    assert.equal((await reader.some(2))?.toString(), "5");
  });

  test("does not copy what lies in one chunk", async () => {
    const chunk = Buffer.from(digits);
    const reader = new ByteReader(gatherable([chunk]));
    assert.equal((await reader.read(5)).buffer, chunk.buffer);
  });

  test("skips, and says how much could not be", async () => {
    const reader = new ByteReader(chunked(digits, 3));
    assert.equal(await reader.skip(4), 0);
    assert.equal((await reader.read(1)).toString(), "4");
    assert.equal(await reader.skip(0), 0);
    assert.equal(await reader.skip(8), 3);
  });

  test("passes over empty chunks", async () => {
    const reader = new ByteReader(
      gatherable([Buffer.alloc(0), Buffer.from("a"), Buffer.alloc(0), Buffer.from("b")]),
    );
    assert.equal((await reader.read(2)).toString(), "ab");
  });

  test("tells the source when it is left early, once", async () => {
    let returned = 0;
    const source = watched([digits, digits], () => {
      returned += 1;
    });
    const reader = new ByteReader(source);
    await reader.read(3);
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
    assert.equal(returned, 1);
    assert.equal(await reader.skip(20), 13);
  });

  test("passes on the failure of the source", async () => {
    const failure = new Error("broken pipe");
    const reader = new ByteReader(failing(digits, failure));
    await reader.read(10);
    await assert.rejects(reader.read(1), failure);
    await reader[Symbol.asyncDispose]();
  });

  test("gives the same bytes however they are cut and asked for", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), sizes, sizes, async (bytes, cuts, asks) => {
        const reader = new ByteReader(chunked(bytes, ...cuts));
        const pieces: Buffer[] = [];
        for (let turn = 0; ; turn += 1) {
          const ask = asks[turn % asks.length] ?? 1;
          const piece =
            turn % 3 === 0 ? await reader.some(ask) : (reader.take(ask) ?? (await reader.read(ask)));
          if (!piece?.length) break;
          pieces.push(piece);
        }
        assert.deepEqual(Buffer.concat(pieces), Buffer.from(bytes));
        assert.equal(reader.offset, bytes.length);
      }),
      { numRuns: 200 },
    );
    assert.equal((await gather(chunked(digits, 3, 1))).toString(), "0123456789");
  });
});

async function* gatherable(chunks: Buffer[]): AsyncGenerator<Buffer, void, void> {
  yield* chunks;
}

async function* watched(chunks: Buffer[], onReturn: () => void): AsyncGenerator<Buffer, void, void> {
  try {
    yield* chunks;
  } finally {
    onReturn();
  }
}

async function* failing(chunk: Buffer, failure: Error): AsyncGenerator<Buffer, void, void> {
  yield chunk;
  throw failure;
}
