import assert from "node:assert/strict";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { dataRanges } from "../../src/lib/data-ranges.ts";
import { hashHandle } from "../../src/lib/hash-file.ts";
import { type FileRange, readAhead, readRanges } from "../../src/lib/read-ahead.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 2 ** 20;

async function sparse(t: TestContext, size: number, data: readonly FileRange[]): Promise<FileHandle> {
  const file = await open(join(temporaryDirectory(t), "file"), "wx+");
  t.after(() => file.close());
  await file.truncate(size);
  for (const { offset, length } of data) await file.write(Buffer.alloc(length, 7), 0, length, offset);
  // Where data is is certain when it has its blocks.
  await file.sync();
  return file;
}

describe("where a file has data", () => {
  test("is told in the order of the file", async (t) => {
    const data = [
      { offset: 3 * mebibyte, length: 4096 },
      { offset: 20 * mebibyte, length: mebibyte },
    ];
    const file = await sparse(t, 64 * mebibyte, data);
    assert.deepEqual(await dataRanges(file), data);
  });

  test("is nowhere in one hole, and everywhere in a file without", async (t) => {
    assert.deepEqual(await dataRanges(await sparse(t, 64 * mebibyte, [])), []);
    const whole = { offset: 0, length: 9 * mebibyte };
    assert.deepEqual(await dataRanges(await sparse(t, whole.length, [whole])), [whole]);
  });

  test("goes over small holes, which are as quickly read", async (t) => {
    const data = [0, 1, 2, 3].map((at) => ({ offset: at * 64 * 1024, length: 4096 }));
    const file = await sparse(t, 64 * mebibyte, data);
    assert.deepEqual(await dataRanges(file), [{ offset: 0, length: 3 * 64 * 1024 + 4096 }]);
  });

  test("is not asked for when nobody wants it any more", async (t) => {
    const file = await sparse(t, 64 * mebibyte, []);
    await rejectsWith(dataRanges(file, AbortSignal.abort()), "interrupted");
    await rejectsWith(
      hashHandle(file, AbortSignal.abort(), []),
      "interrupted",
      "checking a file was cancelled",
    );
  });
});

test("the hash of a file with holes is that of its bytes", async (t) => {
  const size = 12 * mebibyte + 5;
  const range = fc.record({ offset: fc.nat(size - 70_000), length: fc.integer({ min: 1, max: 70_000 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(range, { maxLength: 4 }), async (data) => {
      const file = await sparse(t, size, data);
      const { hash, size: hashed } = await hashHandle(file);
      const everything = await hashHandle(file, undefined, [{ offset: 0, length: size }]);
      assert.equal(hashed, size);
      assert.equal(hash.digest("hex"), everything.hash.digest("hex"));
    }),
    { numRuns: 8 },
  );
});

test("parts of a file are read as they are", async (t) => {
  const length = 5 * mebibyte;
  const file = await sparse(t, length, [{ offset: mebibyte, length: 100 }]);
  const pieces: Buffer[] = [];
  for await (const data of readAhead(file, "reading")) pieces.push(Buffer.from(data));
  const whole = Buffer.concat(pieces);
  const ranges = [
    { offset: 10, length: 3 * mebibyte },
    { offset: 4 * mebibyte, length: 0 },
    { offset: 4 * mebibyte, length: 2 * mebibyte },
  ];
  let found = 0;
  for await (const { offset, data } of readRanges(file, ranges, "reading")) {
    assert.ok(data.equals(whole.subarray(offset, offset + data.length)));
    found += data.length;
  }
  assert.equal(found, 4 * mebibyte);
});
