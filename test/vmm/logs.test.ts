import assert from "node:assert/strict";
import { appendFileSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readTail, trimLog } from "../../src/vmm/logs.ts";
import { temporaryDirectory } from "../support/temporary.ts";

test("the tail of a log is its last bytes, all of a short one, and nothing of none", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  assert.equal(await readTail(path, 10), "");
  writeFileSync(path, "0123456789");
  assert.equal(await readTail(path, 4), "6789");
  assert.equal(await readTail(path, 100), "0123456789");
});

test("a log within its limit is left alone, and none is made", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  await trimLog(path, 10, 5);
  assert.equal(existsSync(path), false);
  writeFileSync(path, "0123456789");
  await trimLog(path, 10, 5);
  assert.equal(readFileSync(path, "utf8"), "0123456789");
});

test("a log over its limit keeps its last lines, and its writer goes on at the end", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  const writer = openSync(path, "a");
  writeSync(writer, "first line\nsecond line\nthird line\n");
  await trimLog(path, 30, 20);
  assert.equal(readFileSync(path, "utf8"), "third line\n");
  writeSync(writer, "fourth line\n");
  assert.equal(readFileSync(path, "utf8"), "third line\nfourth line\n");
});

test("a log never stays over its limit, and what is kept is how it ended", async (t) => {
  const path = join(temporaryDirectory(t), "log");
  await fc.assert(
    fc.asyncProperty(fc.array(fc.stringMatching(/^[a-z\n]{0,40}$/), { maxLength: 20 }), async (pieces) => {
      writeFileSync(path, "");
      for (const piece of pieces) appendFileSync(path, piece);
      const before = readFileSync(path, "utf8");
      await trimLog(path, 100, 50);
      const after = readFileSync(path, "utf8");
      assert.ok(after.length <= 100);
      assert.ok(before.endsWith(after));
    }),
    { numRuns: 50 },
  );
});
