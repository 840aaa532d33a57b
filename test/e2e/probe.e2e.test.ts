import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { detachedContext } from "../../src/lib/context.ts";
import { sleep } from "../../src/lib/deadline.ts";
import { AccelerationService } from "../../src/vmm/acceleration.ts";
import { runProbe } from "../../src/vmm/probe/run.ts";
import { judge } from "../../src/vmm/probe/verdict.ts";
import { findQemu } from "../../src/vmm/qemu/binary.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Processes that have a text on their command line. */
function running(text: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

describe("the probe, in the QEMU of this host", () => {
  test("runs its guest under software emulation and measures its clock twice alike", async (t) => {
    const { path } = await findQemu();
    const signal = AbortSignal.timeout(120_000);
    const outcome = await runProbe(path, "tcg", temporaryDirectory(t), signal);
    assert.equal(outcome.end, "passed", outcome.complaint);
    assert.equal(outcome.complaint, undefined);
    assert.equal(outcome.output.length, 8 + 6 * 16);
    const again = await runProbe(path, "tcg", temporaryDirectory(t), signal);
    const [one, two] = [outcome, again].map((each) => judge("tcg", each));
    assert.ok(one?.usable && two?.usable && one.tscKhz && two.tscKhz);
    assert.ok(Math.abs(one.tscKhz / two.tscKhz - 1) < 200e-6, `${one.tscKhz} and ${two.tscKhz} kHz`);
  });

  test("finds out about KVM what booting a guest under it would", async (t) => {
    const service = new AccelerationService({ directory: temporaryDirectory(t) });
    const verdict = await service.verdict("kvm", detachedContext(AbortSignal.timeout(60_000)));
    if (verdict.usable) assert.equal(verdict.accelerator, "kvm");
    else assert.match(verdict.reason, /^(there is no \/dev\/kvm|\/dev\/kvm |it |a 64-bit guest )/);
  });

  test("leaves no process when it is cancelled half-way", async (t) => {
    const directory = temporaryDirectory(t);
    const abort = new AbortController();
    const service = new AccelerationService({ directory });
    const verdict = service.verdict("tcg", detachedContext(abort.signal));
    const kernel = join(directory, "probe.elf");
    while (running(kernel).length === 0) await sleep(1);
    abort.abort();
    await rejectsWith(verdict, "interrupted");
    // The one who waited is let go at once; the work it wanted is ended behind it.
    const deadline = Date.now() + 10_000;
    while (running(kernel).length > 0) {
      assert.ok(Date.now() < deadline, "the probe still runs");
      await sleep(10);
    }
  });
});
