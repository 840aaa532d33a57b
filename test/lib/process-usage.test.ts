import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { identify } from "../../src/lib/process-identity.ts";
import { parseMemory, parseProcessorTime, processUsage } from "../../src/lib/process-usage.ts";

const rollup = [
  "5581d8000000-7ffd8e1f2000 ---p 00000000 00:00 0                          [rollup]",
  "Rss:              262144 kB",
  "Pss:              200000 kB",
  "Pss_Dirty:        150000 kB",
  "Shared_Clean:      60000 kB",
  "Shared_Dirty:        144 kB",
  "Private_Clean:      2000 kB",
  "Private_Dirty:    200000 kB",
  "",
].join("\n");

describe("what a process takes", () => {
  test("is known of this one", async () => {
    const self = identify(process.pid);
    assert.ok(self);
    const usage = await processUsage(self);
    const { user, system } = process.cpuUsage();
    assert.ok(usage && usage.cpu <= (user + system) / 1000 + 20, "no more time than it has had");
    assert.ok(usage.memory && usage.memory.private > 2 ** 20);
    assert.ok(usage.memory.proportional >= usage.memory.private);
    assert.ok(usage.memory.proportional <= usage.memory.private + usage.memory.shared);
  });

  test("is not taken from another process with its number", async () => {
    assert.equal(await processUsage({ pid: process.pid, startTime: 1 }), undefined);
    assert.equal(await processUsage({ pid: 2 ** 30, startTime: 1 }), undefined);
  });

  test("counts the time of fields 14 and 15, whatever the process is called", () => {
    const rest = `S 1 2 3 4 5 6 7 8 9 10 250 50 ${"0 ".repeat(30)}`;
    assert.equal(parseProcessorTime(`4242 (qemu) ${rest}`), 3000);
    assert.equal(parseProcessorTime(`4242 (a) S 9 ) ${rest}`), 3000);
    assert.equal(parseProcessorTime(""), undefined);
  });

  test("tells pages of its own from shared ones", () => {
    assert.deepEqual(parseMemory(rollup), {
      private: 202_000 * 1024,
      shared: 60_144 * 1024,
      proportional: 200_000 * 1024,
    });
    assert.equal(parseMemory(""), undefined);
  });

  test("is read from any text without an error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseMemory(text);
        const time = parseProcessorTime(text);
        assert.ok(time === undefined || Number.isFinite(time));
      }),
    );
  });
});
