import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lz4Magic, unlz4 } from "../../../src/archive/compression/lz4.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { rejectsWith } from "../../support/faults.ts";
import { chunked, gather } from "../support.ts";

const oracle = spawnSync("lz4", ["--version"]).status === 0;

function lz4(bytes: Buffer): Buffer {
  return spawnSync("lz4", ["-l", "-9", "-c"], { input: bytes, maxBuffer: 1 << 26 }).stdout;
}

function block(hex: string): Buffer {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([size, bytes]);
}

async function unpack(...parts: Buffer[]): Promise<string> {
  return (await gather(unlz4(chunked(Buffer.concat([lz4Magic, ...parts]), 3)))).toString();
}

describe("lz4's legacy format", () => {
  test("has literals, and matches that may reach into themselves", async () => {
    assert.equal(await unpack(), "");
    assert.equal(await unpack(block("30 61 62 63")), "abc");
    // "ab", then 4 + 3 bytes from two bytes before, then "c".
    assert.equal(await unpack(block("23 61 62 02 00 10 63")), "abababababc".slice(0, 9).concat("c"));
    assert.equal(await unpack(block("10 61"), block("10 62"), lz4Magic, block("10 63")), "abc");
  });

  test("that the lz4 program wrote is unpacked to what it was given", { skip: !oracle }, async () => {
    const bytes = Buffer.concat([Buffer.alloc(9_000_000, "some text, "), Buffer.alloc(70_000, 0)]);
    assert.ok((await gather(unlz4(chunked(lz4(bytes), 65_536)))).equals(bytes));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("a", "bc", "def", "\0\0\0\0\0\0\0\0")), async (words) => {
        const text = Buffer.from(words.join(""));
        assert.ok((await gather(unlz4(chunked(lz4(text), 7)))).equals(text));
      }),
      { numRuns: 15 },
    );
  });

  test("that breaks its rules is refused", async () => {
    const invalid = (problem: string, at = 4): string =>
      `the lz4 data is not valid at byte ${at}: ${problem}`;
    const nothing = gather(unlz4(chunked(Buffer.from("nonsense"), 8)));
    await rejectsWith(nothing, "archive_invalid", invalid("it does not start as the legacy format does", 0));
    await rejectsWith(unpack(block("23 61 62 03 00 10 63")), "archive_invalid", invalid("a block overruns"));
    await rejectsWith(unpack(block("23 61 62 00 00 10 63")), "archive_invalid", invalid("a block overruns"));
    await rejectsWith(unpack(block("50 61")), "archive_invalid", invalid("a block overruns"));
    await rejectsWith(
      unpack(block("10 61 01")),
      "archive_invalid",
      invalid("a block ends within a sequence"),
    );
    const huge = Buffer.from("ffffffff", "hex");
    await rejectsWith(unpack(huge), "archive_invalid", invalid("a block has 4294967295 bytes"));
    await rejectsWith(unpack(block("10 61").subarray(0, 5)), "archive_truncated");
    await rejectsWith(unpack(Buffer.from("0100", "hex")), "archive_truncated");
  });

  test("of any bytes is unpacked or refused with an error of ours", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const outcome = await unpack(block(Buffer.from(bytes).toString("hex"))).catch(
          (error: unknown) => error,
        );
        assert.ok(typeof outcome === "string" || isFault(outcome), String(outcome));
      }),
      { numRuns: 100 },
    );
  });
});
