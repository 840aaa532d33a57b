import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pruneCache } from "../../src/daemon/cache-prune.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("pruning the cache", () => {
  test("removes files, keeps locks and folders, and says what that gave", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "blob"), "x".repeat(5000));
    writeFileSync(join(directory, "half.part"), "x");
    writeFileSync(join(directory, ".lock-3"), "");
    mkdirSync(join(directory, "folder"));
    const missing = join(directory, "missing");
    const planned = await pruneCache([directory, missing], { dryRun: true });
    assert.equal(readdirSync(directory).length, 4);
    assert.deepEqual(
      planned.directories.map(({ path, files }) => [path, files]),
      [[directory, 2]],
    );
    assert.ok(planned.freed >= 8192);
    const done = await pruneCache([directory, missing], { dryRun: false });
    assert.deepEqual(done, { ...planned, dryRun: false });
    assert.deepEqual(readdirSync(directory).sort(), [".lock-3", "folder"]);
    assert.equal((await pruneCache([directory], { dryRun: false })).files, 0);
  });
});
