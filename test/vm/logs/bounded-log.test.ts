import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { BoundedLog } from "../../../src/vm/logs/bounded-log.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const time = "2026-01-01T00:00:00.000Z";

function log(t: TestContext) {
  const path = join(temporaryDirectory(t), "agent.log");
  const told: string[] = [];
  const bounded = new BoundedLog(
    path,
    (message) => void told.push(message),
    () => new Date(time),
  );
  return { path, told, bounded };
}

describe("a log that is bounded", () => {
  test("keeps lines in order, each with its time, for its owner only", async (t) => {
    const { path, bounded } = log(t);
    bounded.add("one");
    bounded.add("two");
    await bounded.flushed();
    bounded.add("three");
    await bounded.flushed();
    assert.equal(readFileSync(path, "utf8"), `${time} one\n${time} two\n${time} three\n`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("says how much it dropped of what came too fast", async (t) => {
    const { path, bounded } = log(t);
    for (let i = 0; i < 3000; i += 1) bounded.add(String(i));
    await bounded.flushed();
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    assert.equal(lines.length, 2001);
    assert.equal(lines.at(-1), `${time} (1000 lines were dropped)`);
  });

  test("loses its oldest lines when it grows, whole ones", async (t) => {
    const { path, bounded } = log(t);
    writeFileSync(path, `${time} ${"x".repeat(99)}\n`.repeat(12_000));
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 1000; i += 1) bounded.add("y".repeat(100));
      await bounded.flushed();
    }
    const text = readFileSync(path, "utf8");
    assert.ok(text.length <= 1024 * 1024, `${text.length}`);
    assert.ok(text.startsWith(`${time} `) && text.endsWith("y\n"));
  });

  test("that cannot be written is told, and nobody waits for ever", async (t) => {
    const path = join(temporaryDirectory(t), "missing", "agent.log");
    const told: string[] = [];
    const bounded = new BoundedLog(path, (message) => void told.push(message));
    bounded.add("one");
    await bounded.flushed();
    assert.deepEqual(told, ["writing a machine's log failed"]);
  });
});
