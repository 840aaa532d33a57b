import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { decompress } from "../../../src/archive/compression/decompress.ts";
import type { Compression } from "../../../src/archive/compression/detect.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { rejectsWith } from "../../support/faults.ts";
import { chunked, gather } from "../support.ts";

const compressors: [format: Compression, compress: (bytes: Buffer) => Buffer][] = [
  ["gzip", (bytes) => gzipSync(bytes)],
  ["zstd", (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  ["xz", (bytes) => execFileSync("xz", ["-c0"], { input: bytes, maxBuffer: 2 ** 26 })],
  ["none", (bytes) => bytes],
];

/** Neither all alike nor all random, and longer than all buffers on the way. */
const sample = Buffer.concat(
  [...Array(24).keys()].map((index) => Buffer.alloc(100_000, randomBytes(index * 400 + 1))),
);

describe("decompress", () => {
  for (const [format, compress] of compressors) {
    test(`restores ${format}, told or found out`, async () => {
      const compressed = compress(sample);
      for (const told of [format, "auto"] as const) {
        assert.ok((await gather(decompress(chunked(compressed, 65_536), told))).equals(sample));
      }
      assert.equal((await gather(decompress(chunked(compress(Buffer.alloc(0))), format))).length, 0);
    });

    test(`of ${format} can give each piece for a moment only`, async () => {
      const compressed = compress(sample);
      const copies: Buffer[] = [];
      const pieces: Buffer[] = [];
      for await (const piece of decompress(chunked(compressed, 65_536), format, { fleeting: true })) {
        copies.push(Buffer.from(piece));
        pieces.push(piece);
      }
      assert.ok(Buffer.concat(copies).equals(sample));
      const isFreed = ["gzip", "zstd"].includes(format);
      assert.equal(pieces[0]?.buffer.byteLength === 0, isFreed);
    });

    test(`of ${format} passes on the failure of the source`, async () => {
      const compressed = compress(sample);
      const failure = new Error("connection reset");
      async function* failing(): AsyncGenerator<Buffer> {
        yield compressed.subarray(0, compressed.length >> 1);
        throw failure;
      }
      await assert.rejects(gather(decompress(failing(), format)), failure);
    });

    test(`of ${format} can be left early, and tells the source`, async () => {
      const compressed = compress(Buffer.concat([sample, randomBytes(3_000_000)]));
      const returned = Promise.withResolvers<void>();
      async function* source(): AsyncGenerator<Buffer> {
        try {
          yield* chunked(compressed, 65_536);
        } finally {
          returned.resolve();
        }
      }
      for await (const piece of decompress(source(), format)) {
        assert.ok(piece.length > 0);
        break;
      }
      await returned.promise;
    });

    test(`stops ${format} when it is cancelled`, async () => {
      const abort = new AbortController();
      async function* endless(): AsyncGenerator<Buffer> {
        for (;;) yield compress(sample);
      }
      await rejectsWith(async () => {
        for await (const _ of decompress(endless(), format, { signal: abort.signal })) abort.abort();
      }, "interrupted");
    });
  }

  for (const [format, compress] of compressors.slice(0, 3)) {
    test(`joins the contents of several ${format} streams, however they are cut`, async () => {
      const several = Buffer.concat(["one ", "", "two ", "three"].map((text) => compress(Buffer.from(text))));
      for (const chunk of format === "xz" ? [17, 1000] : [1, 3, 17, 1000]) {
        assert.equal((await gather(decompress(chunked(several, chunk), format))).toString(), "one two three");
      }
    });

    test(`says that ${format} data is cut`, async () => {
      const compressed = compress(sample);
      for (const length of [40, compressed.length >> 1, compressed.length - 3]) {
        const cut = chunked(compressed.subarray(0, length), 65_536);
        const error = await rejectsWith(gather(decompress(cut, format)), "archive_truncated");
        assert.match(error.message, new RegExp(`^the ${format} data ends early, at byte \\d+, \\w+`));
      }
      await rejectsWith(gather(decompress(chunked(Buffer.alloc(0)), format)), "archive_truncated");
    });

    test(`says that ${format} data is damaged`, async () => {
      const damaged = compress(sample);
      damaged.fill(0x55, damaged.length >> 1, (damaged.length >> 1) + 50);
      await rejectsWith(
        gather(decompress(chunked(damaged, 65_536), format)),
        "archive_invalid",
        new RegExp(`^the ${format} data is not valid`),
      );
    });

    test(`refuses what follows ${format} data`, async () => {
      const followed = Buffer.concat([compress(sample), Buffer.from("garbage of some length")]);
      await rejectsWith(gather(decompress(chunked(followed, 65_536), format)), "archive_invalid");
    });
  }

  test("says exactly what is wrong", async () => {
    const message = async (format: Compression, bytes: Buffer): Promise<string> => {
      try {
        await gather(decompress(chunked(bytes), format));
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
      return "";
    };
    const text = Buffer.from("not compressed at all");
    assert.equal(await message("gzip", text), "the gzip data is not valid at byte 0: incorrect header check");
    assert.equal(await message("zstd", text), "the zstd data is not valid at byte 0: no frame starts here");
    assert.equal(await message("xz", text), "the xz data is not valid: File format not recognized");
    assert.equal(
      await message("xz", compressors[2]?.[1](sample).subarray(0, 999) ?? text),
      "the xz data ends early, at byte 999, before its end marker",
    );
  });

  test("refuses a zstd frame that wants more memory than 128 MiB", async () => {
    // Magic, a descriptor without a content size, a window of 2^30 bytes, one last raw block of a byte.
    const frame = Buffer.from("28b52ffd00a009000041", "hex");
    await rejectsWith(
      gather(decompress(chunked(frame), "zstd")),
      "archive_invalid",
      /^the zstd data is not valid at byte \d+: /,
    );
    frame[5] = 0x50;
    assert.equal((await gather(decompress(chunked(frame), "zstd"))).toString(), "A");
  });

  test("gives its errors and nothing else for mutated data", async () => {
    const small = Buffer.from("some text to compress ".repeat(30));
    const originals = compressors
      .slice(0, 2)
      .map(([, compress]) => Buffer.concat([compress(small), compress(small)]));
    const mutations = fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...originals),
        mutations,
        fc.nat(300),
        async (original, places, cut) => {
          const mutated = Buffer.from(original);
          for (const [position, value] of places) mutated[position % mutated.length] = value;
          try {
            for await (const piece of decompress(chunked(mutated.subarray(cut % 20 === 0 ? cut : 0), 30))) {
              assert.ok(piece.length > 0);
            }
          } catch (error) {
            assert.ok(isFault(error, "archive_invalid", "archive_truncated"), String(error));
          }
        },
      ),
      { numRuns: 200, interruptAfterTimeLimit: 2000 },
    );
  });
});
