import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { detect, formatOf } from "../../../src/archive/compression/detect.ts";
import { chunked, gather } from "../support.ts";

test("formatOf knows the magic numbers, and takes everything else for plain", () => {
  assert.equal(formatOf(gzipSync("x")), "gzip");
  assert.equal(formatOf(zstdCompressSync("x")), "zstd");
  assert.equal(formatOf(Buffer.from("5f2a4d1800000000", "hex")), "zstd");
  assert.equal(formatOf(Buffer.from("fd377a585a000004", "hex")), "xz");
  for (const plain of ["", "\x1f", "ustar", "\x28\xb5\x2f", "PK\x03\x04\0\0"]) {
    assert.equal(formatOf(Buffer.from(plain, "latin1")), "none", plain);
  }
});

describe("detect", () => {
  test("gives the whole stream again, however it is cut", async () => {
    const bytes = gzipSync("hello".repeat(100));
    for (const chunk of [1, 2, 5, 7, 1000]) {
      const { format, source } = await detect(chunked(bytes, chunk));
      assert.equal(format, "gzip");
      assert.deepEqual(await gather(source), bytes);
    }
  });

  test("takes a stream that is too short, or empty, for plain", async () => {
    for (const text of ["", "ab"]) {
      const { format, source } = await detect(chunked(Buffer.from(text)));
      assert.equal(format, "none");
      assert.equal((await gather(source)).toString(), text);
    }
  });

  test("tells the source when its stream is left early", async () => {
    let returned = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield Buffer.from("more and more");
      } finally {
        returned = true;
      }
    }
    for await (const _ of (await detect(source())).source) break;
    assert.equal(returned, true);
  });
});
