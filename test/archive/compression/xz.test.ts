import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { unxz } from "../../../src/archive/compression/xz.ts";
import { rejectsWith } from "../../support/faults.ts";
import { chunked, gather } from "../support.ts";

const compressed = execFileSync("xz", ["-c"], { input: "hello" });

describe("unxz", () => {
  test("names the package when the program is missing", async (t) => {
    const path = process.env.PATH;
    t.after(() => {
      process.env.PATH = path;
    });
    process.env.PATH = "/nonexistent";
    const error = await rejectsWith(
      gather(unxz(chunked(compressed))),
      "tool_missing",
      'the program "xz" was not found',
    );
    assert.equal(error.remedy, "Install it, for instance with `sudo apt-get install xz-utils`");
  });

  test("does not start when it is cancelled before", async () => {
    await rejectsWith(gather(unxz(chunked(compressed), { signal: AbortSignal.abort() })), "interrupted");
  });

  test("restores several blocks, which it may do in parallel", async () => {
    const text = Buffer.alloc(3_000_000, "block ");
    const blocks = execFileSync("xz", ["-c0", "--block-size=500000"], { input: text });
    assert.ok((await gather(unxz(chunked(blocks, 1000)))).equals(text));
  });

  test("tells the failure of the source, not the program's complaint about it", async () => {
    const failure = new Error("connection reset");
    async function* failing(): AsyncGenerator<Buffer> {
      yield compressed.subarray(0, 20);
      throw failure;
    }
    for (let round = 0; round < 5; round += 1) await assert.rejects(gather(unxz(failing())), failure);
  });
});
