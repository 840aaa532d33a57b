import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hashFile, hashHandle } from "../../src/lib/hash-file.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const hashOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

describe("the hash of a file", () => {
  for (const size of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 700_000]) {
    test(`of ${size} bytes is that of its content`, async (t) => {
      const path = join(temporaryDirectory(t), "file");
      const content = Buffer.from(Array.from({ length: size }, (_, at) => at * 7));
      writeFileSync(path, content);
      assert.equal(await hashFile(path), hashOf(content));
    });
  }

  test("can go on with what is appended", async (t) => {
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, "one ");
    await using file = await open(path, "r");
    const { hash, size } = await hashHandle(file);
    assert.equal(size, 4);
    assert.equal(hash.update("two").digest("hex"), hashOf(Buffer.from("one two")));
  });

  test("is not gone on with when nobody wants it any more", async (t) => {
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, "x");
    await rejectsWith(hashFile(path, AbortSignal.abort()), "interrupted", "checking a file was cancelled");
  });

  test("that is not there fails with the system's error", async () => {
    await assert.rejects(hashFile("/nonexistent"), { code: "ENOENT" });
  });
});
