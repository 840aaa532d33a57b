import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { judge, type ProbeOutcome } from "../../../src/vmm/probe/verdict.ts";

/** Greeting and samples of a guest at 2 GHz. */
function goodOutput(): Buffer {
  const samples = [0, 1, 2, 3, 4, 5].map((index) => {
    const sample = Buffer.alloc(16);
    sample.writeBigUInt64LE(BigInt(1000 + index * 40_000_000), 0);
    sample.writeUInt16LE((65_535 - Math.round(index * 0.02 * 1_193_182) + 2 * 65_536) % 65_536, 8);
    return sample;
  });
  return Buffer.concat([Buffer.from("BANGER64"), ...samples]);
}

function outcome(different: Partial<ProbeOutcome>): ProbeOutcome {
  return { output: Buffer.alloc(0), end: "passed", complaint: undefined, ...different };
}

describe("the verdict on an accelerator", () => {
  test("is good when the guest came to its end, and knows the frequency of its clock", () => {
    const verdict = judge("tcg", outcome({ output: goodOutput() }));
    assert.equal(verdict.usable, true);
    assert.ok(verdict.usable && verdict.tscKhz !== undefined);
    assert.ok(Math.abs(verdict.tscKhz - 2_000_000) < 40, String(verdict.tscKhz));
  });

  test("is good without a frequency when the clocks made no sense", () => {
    const output = Buffer.concat([Buffer.from("BANGER64"), Buffer.alloc(96)]);
    assert.deepEqual(judge("kvm", outcome({ output })), {
      accelerator: "kvm",
      usable: true,
      tscKhz: undefined,
    });
  });

  const bad: [string, Partial<ProbeOutcome>, string][] = [
    [
      "QEMU gives up at once",
      { end: { failed: "signal SIGABRT" }, complaint: "failed to set MSR 0x10a to 0x69" },
      "it runs no 64-bit guest: failed to set MSR 0x10a to 0x69",
    ],
    [
      "KVM stops at an instruction it does not know",
      { end: "deadline", complaint: "KVM internal error. Suberror: 1" },
      "it runs no 64-bit guest: KVM internal error. Suberror: 1",
    ],
    ["the guest hangs", { end: "deadline" }, "it opens, but a 64-bit guest makes no progress in it"],
    [
      "the guest hangs after a good beginning",
      { end: "deadline", output: goodOutput().subarray(0, 24) },
      "it opens, but a 64-bit guest makes no progress in it",
    ],
    [
      "the guest finds a difference",
      { output: Buffer.concat([Buffer.from("BANGER65"), Buffer.alloc(96)]) },
      "a 64-bit guest computes wrong results in it",
    ],
    ["the guest ends without a word", {}, "a 64-bit guest ends in it before its time"],
    [
      "QEMU ends without a word",
      { end: { failed: "status 1" } },
      "it runs no 64-bit guest: QEMU ended with status 1",
    ],
  ];
  for (const [title, facts, reason] of bad) {
    test(`is bad when ${title}`, () => {
      assert.deepEqual(judge("kvm", outcome(facts)), { accelerator: "kvm", usable: false, reason });
    });
  }

  test("is never good without the greeting and the right end, whatever is written", () => {
    const end = fc.constantFrom<ProbeOutcome["end"]>("passed", "deadline", { failed: "status 85" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), end, (bytes, greets, ended) => {
        const output = Buffer.concat([Buffer.from(greets ? "BANGER64" : "BANGER\0"), bytes]);
        const { usable } = judge("kvm", outcome({ output, end: ended }));
        assert.equal(usable, greets && ended === "passed");
      }),
    );
  });
});
