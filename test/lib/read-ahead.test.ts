import assert from "node:assert/strict";
import { truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readAhead } from "../../src/lib/read-ahead.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const piece = 2 * 2 ** 20;

describe("reading ahead", () => {
  for (const size of [0, 1, piece - 1, piece, piece + 1, 3 * piece + 5]) {
    test(`gives the ${size} bytes of a file`, async (t) => {
      const path = join(temporaryDirectory(t), "file");
      const content = Buffer.from(Array.from({ length: size / 7 + 1 }, (_, at) => at * 7));
      const whole = Buffer.alloc(size, content);
      writeFileSync(path, whole);
      await using file = await open(path, "r");
      const copies: Buffer[] = [];
      for await (const bytes of readAhead(file, "reading")) copies.push(Buffer.from(bytes));
      assert.ok(Buffer.concat(copies).equals(whole));
    });
  }

  test("uses two buffers for any file", async (t) => {
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, Buffer.alloc(5 * piece));
    await using file = await open(path, "r");
    const buffers = new Set<ArrayBufferLike>();
    for await (const bytes of readAhead(file, "reading")) buffers.add(bytes.buffer);
    assert.equal(buffers.size, 2);
  });

  test("can be left in the middle, and ends where the file has become shorter", async (t) => {
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, Buffer.alloc(4 * piece));
    await using file = await open(path, "r");
    for await (const bytes of readAhead(file, "reading")) {
      assert.equal(bytes.length, piece);
      break;
    }
    let size = 0;
    for await (const bytes of readAhead(file, "reading")) {
      size += bytes.length;
      truncateSync(path, piece);
    }
    assert.ok(size <= 3 * piece);
  });

  test("ends when nobody wants it any more, or it fails", async (t) => {
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, "x");
    const file = await open(path, "r");
    const abandoned = readAhead(file, "reading a layer", AbortSignal.abort());
    await rejectsWith(abandoned.next(), "interrupted", "reading a layer was cancelled");
    await file.close();
    await assert.rejects(readAhead(file, "reading").next(), { code: "EBADF" });
  });
});
