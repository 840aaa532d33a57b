import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { zstdFrames } from "../../../src/archive/compression/zstd-frames.ts";
import { rejectsWith } from "../../support/faults.ts";
import { chunked, gather } from "../support.ts";

function compress(content: Uint8Array, checksum = false): Buffer {
  return zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 } });
}

function skippable(content: Buffer): Buffer {
  const header = Buffer.from("532a4d1800000000", "hex");
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
}

describe("zstdFrames", () => {
  test("cuts a stream between its frames and nowhere else", async () => {
    const frames = [
      compress(Buffer.from("one")),
      skippable(Buffer.from("index")),
      compress(Buffer.alloc(400_000, "two"), true),
      skippable(Buffer.alloc(0)),
      compress(Buffer.alloc(0)),
    ];
    const pieces: Buffer[] = [];
    for await (const piece of zstdFrames(chunked(Buffer.concat(frames)))) pieces.push(piece);
    assert.deepEqual(pieces, frames);
  });

  test("cuts every stream so that no piece goes over the end of a frame", async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      fc.nat(300_000).map((length) => Buffer.alloc(length, "x")),
    );
    const frame = fc.tuple(content, fc.boolean()).map(([bytes, checksum]) => compress(bytes, checksum));
    const size = fc.integer({ min: 1, max: 500 });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 4 }), size, async (frames, chunk) => {
        const ends = new Set<number>();
        let position = 0;
        for await (const piece of zstdFrames(chunked(Buffer.concat(frames), chunk))) {
          position += piece.length;
          ends.add(position);
        }
        let end = 0;
        for (const one of frames) {
          end += one.length;
          assert.ok(ends.has(end), `an end at ${end}`);
        }
        assert.equal(position, end);
      }),
      { numRuns: 50 },
    );
  });

  test("passes frames on that have no content size and a window of their own", async () => {
    const bytes = zstdCompressSync(Buffer.alloc(1000, "x"), {
      params: { [constants.ZSTD_c_contentSizeFlag]: 0, [constants.ZSTD_c_windowLog]: 20 },
    });
    assert.deepEqual(await gather(zstdFrames(chunked(bytes, 1))), bytes);
    assert.equal(zstdDecompressSync(bytes).length, 1000);
  });

  test("says where a frame is cut, or does not start", async () => {
    const frame = compress(Buffer.from("content"), true);
    for (let length = 0; length < frame.length; length += 1) {
      await rejectsWith(
        gather(zstdFrames(chunked(frame.subarray(0, length)))),
        "archive_truncated",
        `the zstd data ends early, at byte ${length}, in a frame`,
      );
    }
    await rejectsWith(
      gather(zstdFrames(chunked(Buffer.concat([frame, Buffer.from("garbage")]), 5))),
      "archive_invalid",
      `the zstd data is not valid at byte ${frame.length}: no frame starts here`,
    );
  });
});
