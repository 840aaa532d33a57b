import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultSize } from "../../src/model/default-size.ts";
import { throwsWith } from "../support/faults.ts";

const [mib, gib] = [2 ** 20, 2 ** 30];

test("a machine gets a quarter of the processors and an eighth of the memory, within bounds", () => {
  const size = (cpus: number, memory: number): number[] => Object.values(defaultSize({ cpus, memory }, {}));
  assert.deepEqual(size(1, gib), [1, 512 * mib, 8 * gib]);
  assert.deepEqual(size(8, 24 * gib), [2, 3 * gib, 8 * gib]);
  assert.deepEqual(size(64, 512 * gib), [4, 8 * gib, 8 * gib]);
});

test("settings come first, and sizes are whole MiB", () => {
  const host = { cpus: 8, memory: 24 * gib };
  assert.deepEqual(defaultSize(host, { vcpu: 7, memory: "1.0001G", disk: "1b" }), {
    vcpu: 7,
    memory: 1025 * mib,
    disk: mib,
  });
});

test("a setting that is no size is refused by its name", () => {
  throwsWith(
    () => defaultSize({ cpus: 1, memory: gib }, { memory: "much" }),
    "invalid_value",
    'vm_defaults.memory is "much", expected a size such as 512M, 4G or 1.5GiB',
  );
});

test("any host gives a machine that fits its bounds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1024 }), fc.integer({ min: 1, max: 2 ** 44 }), (cpus, memory) => {
      const size = defaultSize({ cpus, memory }, {});
      assert.ok(size.vcpu >= 1 && size.vcpu <= 4);
      assert.ok(size.memory >= 512 * mib && size.memory <= 8 * gib && size.memory % mib === 0);
    }),
  );
});
