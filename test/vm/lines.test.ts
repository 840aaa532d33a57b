import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { splitLines } from "../../src/vm/lines.ts";

async function lines(chunks: readonly Buffer[]): Promise<string[]> {
  const heard: string[] = [];
  await splitLines(Readable.from(chunks), (line) => heard.push(line));
  return heard;
}

describe("output by lines", () => {
  test("is the same however it was cut", async () => {
    const text = fc.array(fc.string({ unit: "grapheme" }).map((line) => line.replaceAll(/[\r\n]/g, "")));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(200)), async (expected, cuts) => {
        const bytes = Buffer.from(expected.map((line) => `${line}\n`).join(""));
        const ends = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort(
          (a, b) => a - b,
        );
        const chunks = ends.slice(1).map((end, i) => bytes.subarray(ends[i], end));
        assert.deepEqual(await lines(chunks), expected);
      }),
    );
  });

  test("has a last line without an end", async () => {
    assert.deepEqual(await lines([Buffer.from("a\nb")]), ["a", "b"]);
  });

  test("shows what was written over only in its last state", async () => {
    assert.deepEqual(await lines([Buffer.from("10%\r50%\r100%\r\ndone\r\n")]), ["100%", "done"]);
  });

  test("goes on with another line after a thousand characters, ended or not", async () => {
    const long = "x".repeat(2500);
    const expected = [1000, 1000, 500].map((length) => "x".repeat(length));
    assert.deepEqual(await lines([Buffer.from(long)]), expected);
    assert.deepEqual(await lines([Buffer.from(`${long}\n`)]), expected);
  });

  test("replaces what is not UTF-8", async () => {
    assert.deepEqual(await lines([Buffer.from([0x61, 0xff, 0x62, 0x0a])]), ["a\ufffdb"]);
  });
});
