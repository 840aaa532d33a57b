import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { compressZstd } from "../../../src/archive/compression/compress.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { rejectsWith } from "../../support/faults.ts";
import { chunked, gather } from "../support.ts";

describe("zstd compression", () => {
  test("gives what decompresses to the same", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3000 }),
        fc.integer({ min: 1, max: 999 }),
        async (bytes, chunk) => {
          const packed = await gather(compressZstd(chunked(bytes, chunk)));
          assert.ok(zstdDecompressSync(packed).equals(bytes));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("fails as its source does", async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from("a");
      throw fault("file_unusable", { path: "/x", reason: "it is gone" });
    }
    await rejectsWith(gather(compressZstd(failing())), "file_unusable");
  });

  test("stops when it is cancelled", async () => {
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      for (let count = 0; ; count += 1) {
        if (count === 3) abort.abort();
        yield Buffer.alloc(100);
      }
    }
    await rejectsWith(
      gather(compressZstd(endless(), { signal: abort.signal })),
      "interrupted",
      "compressing was cancelled",
    );
  });
});
