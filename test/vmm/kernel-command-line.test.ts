import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelCommandLine } from "../../src/vmm/kernel-command-line.ts";

const common = "console=ttyS0 quiet panic=-1 reboot=t cryptomgr.notests";

test("under KVM the kernel finds its clock by itself", () => {
  assert.equal(kernelCommandLine({ name: "kvm", tscKhz: 2_596_133 }), common);
});

test("under software emulation the kernel is told the frequency of its clock", () => {
  assert.equal(
    kernelCommandLine({ name: "tcg", tscKhz: 2_596_133 }),
    `${common} tsc_early_khz=2596133 tsc=reliable no_timer_check norandmaps`,
  );
});

test("a frequency that could not be measured is left to the kernel", () => {
  assert.equal(kernelCommandLine({ name: "tcg" }), `${common} tsc=reliable no_timer_check norandmaps`);
});
