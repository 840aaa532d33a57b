import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { examineKvmDevice } from "../../../src/vmm/probe/kvm-device.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

describe("the KVM device", () => {
  test("that is missing says so", (t) => {
    const path = join(temporaryDirectory(t), "kvm");
    assert.deepEqual(examineKvmDevice(path), { usable: false, reason: `there is no ${path}` });
  });

  test("that this user may not open says so", (t) => {
    if (process.getuid?.() === 0) return t.skip("root may open everything");
    const path = join(temporaryDirectory(t), "kvm");
    writeFileSync(path, "");
    chmodSync(path, 0);
    assert.deepEqual(examineKvmDevice(path), {
      usable: false,
      reason: `${path} may not be opened by this user`,
    });
  });

  test("that is no device says so", (t) => {
    const path = join(temporaryDirectory(t), "kvm");
    writeFileSync(path, "");
    assert.deepEqual(examineKvmDevice(path), { usable: false, reason: `${path} is not a device` });
  });

  test("that can be opened is worth a try, and is known again", () => {
    const device = examineKvmDevice("/dev/null");
    assert.equal(device.usable, true);
    assert.deepEqual(examineKvmDevice("/dev/null"), device);
    assert.notDeepEqual(examineKvmDevice("/dev/zero"), device);
  });
});
