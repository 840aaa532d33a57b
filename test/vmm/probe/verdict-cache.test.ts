import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Verdict } from "../../../src/vmm/probe/verdict.ts";
import { VerdictCache } from "../../../src/vmm/probe/verdict-cache.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const good: Verdict = { accelerator: "tcg", usable: true, tscKhz: 2_596_133 };
const bad: Verdict = { accelerator: "kvm", usable: false, reason: "there is no /dev/kvm" };

describe("remembered verdicts", () => {
  test("come back under the key they were kept with, each accelerator for itself", async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, "verdicts.json");
    const cache = new VerdictCache(path);
    assert.equal(await cache.get("tcg", "a"), undefined);
    await cache.put("a", good);
    await cache.put("b", bad);
    assert.deepEqual(await cache.get("tcg", "a"), good);
    assert.deepEqual(await new VerdictCache(path).get("kvm", "b"), bad);
    assert.equal(await cache.get("tcg", "b"), undefined);
    assert.equal(await cache.get("kvm", "a"), undefined);
    assert.deepEqual(readdirSync(directory), ["verdicts.json"]);
  });

  test("give way to later ones", async (t) => {
    const cache = new VerdictCache(join(temporaryDirectory(t), "verdicts.json"));
    await cache.put("a", good);
    await cache.put("b", { ...good, tscKhz: undefined });
    assert.equal(await cache.get("tcg", "a"), undefined);
    assert.deepEqual(await cache.get("tcg", "b"), { ...good, tscKhz: undefined });
  });

  test("that cannot be read are forgotten, and then written anew", async (t) => {
    const path = join(temporaryDirectory(t), "verdicts.json");
    const cache = new VerdictCache(path);
    await cache.put("a", good);
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.nat(whole.length - 3)), async (damage) => {
        writeFileSync(path, typeof damage === "number" ? whole.subarray(0, damage) : damage);
        assert.equal(await cache.get("tcg", "a"), undefined);
      }),
      { numRuns: 50 },
    );
    await cache.put("a", good);
    assert.deepEqual(await cache.get("tcg", "a"), good);
  });

  test("that cannot be kept are a fault of the directory", async () => {
    const cache = new VerdictCache("/proc/none/verdicts.json");
    await assert.rejects(cache.put("a", good), { code: "ENOENT" });
    await rejectsWith(new VerdictCache("/sys/verdicts.json").put("a", good), "directory_not_writable");
  });
});
