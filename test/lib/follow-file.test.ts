import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { followFile } from "../../src/lib/follow-file.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("following a file", () => {
  test("gives what is there, then what comes, and ends when told to", async (t) => {
    const path = join(temporaryDirectory(t), "log");
    writeFileSync(path, "a");
    const stop = new AbortController();
    let text = "";
    for await (const piece of followFile(path, stop.signal)) {
      text += String(piece);
      if (text === "a") appendFileSync(path, "b");
      if (text === "ab") stop.abort();
    }
    assert.equal(text, "ab");
  });

  test("begins anew when the file is replaced by a shorter one", async (t) => {
    const path = join(temporaryDirectory(t), "log");
    writeFileSync(path, "long text");
    const stop = new AbortController();
    const pieces: string[] = [];
    for await (const piece of followFile(path, stop.signal)) {
      pieces.push(String(piece));
      if (pieces.length === 1) writeFileSync(path, "new");
      if (pieces.at(-1)?.endsWith("new")) stop.abort();
    }
    assert.deepEqual(pieces, ["long text", "new"]);
  });

  test("reads more than one piece of a large file", async (t) => {
    const path = join(temporaryDirectory(t), "log");
    writeFileSync(path, Buffer.alloc(200_000, "x"));
    const stop = new AbortController();
    let size = 0;
    for await (const piece of followFile(path, stop.signal)) {
      size += piece.length;
      if (size === 200_000) stop.abort();
    }
    assert.equal(size, 200_000);
  });

  test("of a file that is not there fails", async (t) => {
    const path = join(temporaryDirectory(t), "log");
    await assert.rejects(followFile(path, new AbortController().signal).next(), { code: "ENOENT" });
  });
});
