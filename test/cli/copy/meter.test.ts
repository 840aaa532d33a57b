import assert from "node:assert/strict";
import { test } from "node:test";
import { Meter } from "../../../src/cli/copy/meter.ts";
import type { Progress } from "../../../src/lib/context.ts";

test("bytes are told ten times a second at most, with their rate, over all parts", () => {
  const heard: Progress[] = [];
  let now = 1000;
  const meter = new Meter(
    (progress) => heard.push(progress),
    "copying a to b",
    () => now,
  );
  now += 50;
  meter.onBytes(1024);
  now += 50;
  meter.onBytes(2048);
  meter.nextPart();
  now += 900;
  meter.onBytes(1024);
  meter.done("copied a");
  assert.deepEqual(heard, [
    { stage: "copy", state: "started", message: "copying a to b" },
    { stage: "copy", state: "progress", message: "copying a to b (20 KiB/s)", current: 2048, unit: "bytes" },
    { stage: "copy", state: "progress", message: "copying a to b (3 KiB/s)", current: 3072, unit: "bytes" },
    { stage: "copy", state: "done", message: "copied a", elapsed: 1000 },
  ]);
});
