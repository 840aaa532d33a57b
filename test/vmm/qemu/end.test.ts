import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lastError, machineEnd } from "../../../src/vmm/qemu/end.ts";

function shutdown(cause: number): string {
  return `qemu_system_shutdown_request reason=${cause}\n`;
}

describe("why a machine ended", () => {
  test("is told by QEMU's trace when the guest or its owner ended it", () => {
    const cases = [
      [6, "powered-off", "the guest powered off", true],
      [7, "powered-off", "the guest restarted", true],
      [8, "panicked", "the guest's kernel panicked", false],
      [2, "quit", "ended on request", true],
    ] as const;
    for (const [cause, kind, reason, expected] of cases) {
      assert.deepEqual(machineEnd({ log: shutdown(cause) }), { kind, reason, expected });
    }
  });

  test("is the last of several causes, with a time before it or none", () => {
    const log = `${shutdown(2)}4711@1700000000.123456:qemu_system_shutdown_request reason=9\n${shutdown(6)}`;
    assert.equal(machineEnd({ log }).reason, "the guest powered off");
    assert.equal(machineEnd({ log: `4711@1700.1:${shutdown(6)}` }).reason, "the guest powered off");
  });

  test("names who ended it by a signal", () => {
    const log = "qemu-system-x86_64: terminating on signal 15 from pid 4711 (kill)\n";
    const reason = "ended by signal 15 from process 4711 (kill)";
    assert.deepEqual(machineEnd({ log, exit: { status: 0, signal: undefined } }), {
      kind: "killed",
      reason,
      expected: false,
    });
    assert.equal(
      machineEnd({ log: "terminating on signal 1 from pid 7" }).reason,
      "ended by signal 1 from process 7",
    );
    assert.equal(machineEnd({ log: "terminating on signal 2" }).reason, "ended by signal 2");
  });

  test("is our own request when we asked and had only a signal to ask with", () => {
    const log = "qemu-system-x86_64: terminating on signal 15 from pid 1 (node)\n";
    assert.deepEqual(machineEnd({ log, asked: true }), {
      kind: "quit",
      reason: "ended on request",
      expected: true,
    });
  });

  test("is the signal that killed a child, or that we sent to one that is not ours", () => {
    const killed = { kind: "killed", reason: "killed by SIGKILL", expected: false };
    assert.deepEqual(machineEnd({ log: "", exit: { status: undefined, signal: "SIGKILL" } }), killed);
    assert.deepEqual(machineEnd({ log: "", sent: "SIGKILL" }), killed);
    const outOfMemory = { log: "", exit: { status: undefined, signal: "SIGBUS" as const }, sent: undefined };
    assert.equal(machineEnd(outOfMemory).reason, "killed by SIGBUS");
  });

  test("is QEMU's own failure, in its words when it has any", () => {
    const aborted = { status: undefined, signal: "SIGABRT" as const };
    const log = "qemu-system-x86_64: ../block.c:1: bdrv_x: Assertion `x' failed.\n";
    assert.deepEqual(machineEnd({ log, exit: aborted }), {
      kind: "failed",
      reason: "QEMU failed: ../block.c:1: bdrv_x: Assertion `x' failed.",
      expected: false,
    });
    assert.equal(machineEnd({ log: "", exit: aborted }).reason, "QEMU failed: SIGABRT");
    const status = { status: 1, signal: undefined };
    assert.equal(machineEnd({ log: "", exit: status }).reason, "QEMU failed: status 1");
  });

  test("is unknown when nobody watched and nothing was said", () => {
    const reason = "its process is gone: it was killed, or the host restarted";
    assert.deepEqual(machineEnd({ log: "" }), { kind: "vanished", reason, expected: false });
  });

  test("is always one readable line, whatever the log holds", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
        fc.constantFrom("", shutdown(6), "qemu-system-x86_64: x"),
        (noise, more) => {
          const { reason } = machineEnd({ log: `${noise}\n${more}` });
          assert.match(reason, /^[\x20-\x7e]{1,400}$/);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("QEMU's complaint", () => {
  test("is its last line without its name, warnings and traces left out", () => {
    const log = [
      "qemu-system-x86_64: warning: host doesn't support requested feature",
      "qemu-system-x86_64: -blockdev x: Could not open '/x': No such file or directory",
      "qemu_system_shutdown_request reason=2",
      "qemu-system-x86_64: terminating on signal 15 from pid 1 (x)",
      "",
    ];
    assert.equal(lastError(log.join("\n")), "-blockdev x: Could not open '/x': No such file or directory");
  });

  test("is what it calls an error, rather than the assertion or the registers after that", () => {
    const abort = [
      "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69",
      "qemu-system-x86_64: ../../target/i386/kvm/kvm.c:3183: kvm_buf_set_msrs: Assertion failed.",
    ];
    assert.equal(lastError(abort.join("\n")), "failed to set MSR 0x10a to 0x69");
    const registers = ["KVM internal error. Suberror: 1", "emulation failure", "RAX=1111111111111111"];
    assert.equal(lastError(registers.join("\n")), "KVM internal error. Suberror: 1");
  });

  test("is nothing when QEMU was content", () => {
    assert.equal(lastError(""), undefined);
    assert.equal(lastError("qemu-system-x86_64: warning: x\n\n"), undefined);
  });
});
