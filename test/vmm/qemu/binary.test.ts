import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isFault } from "../../../src/lib/errors/error.ts";
import { findQemu, parseVersion } from "../../../src/vmm/qemu/binary.ts";
import { rejectsWith, throwsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** A folder with a program of QEMU's name that counts its calls and prints something. */
function pretend(context: TestContext, says: string): { folder: string; calls: () => number } {
  const folder = temporaryDirectory(context);
  const program = join(folder, "qemu-system-x86_64");
  const log = join(folder, "calls");
  writeFileSync(log, "");
  writeFileSync(program, `#!/bin/sh\necho called >> '${log}'\necho '${says}'\n`);
  chmodSync(program, 0o755);
  return { folder, calls: () => readFileSync(log, "utf8").split("\n").length - 1 };
}

describe("the version of QEMU", () => {
  test("is read from what it prints", () => {
    assert.equal(parseVersion("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\n"), "7.2.22");
    assert.equal(parseVersion("QEMU emulator version 10.0.2\nCopyright"), "10.0.2");
    assert.equal(parseVersion("QEMU emulator version 6.2"), "6.2.0");
  });

  test("that is too old is refused, with both versions", () => {
    const message = "QEMU 5.2.0 is not supported here: it is older than 6.2";
    throwsWith(() => parseVersion("QEMU emulator version 5.2.0"), "unsupported_here", message);
    throwsWith(() => parseVersion("QEMU emulator version 6.1.9"), "unsupported_here", /QEMU 6\.1\.9 /);
  });

  test("that is not told is refused, with what was said instead", () => {
    throwsWith(
      () => parseVersion("hello\nworld"),
      "unsupported_here",
      'qemu-system-x86_64 is not supported here: it does not tell its version but "hello"',
    );
  });
});

describe("finding QEMU", () => {
  test("asks a binary for its version once", async (t) => {
    const { folder, calls } = pretend(t, "QEMU emulator version 8.1.2");
    const binary = await findQemu(undefined, folder);
    assert.equal(binary.path, join(folder, "qemu-system-x86_64"));
    assert.equal(binary.version, "8.1.2");
    assert.equal(await findQemu(undefined, folder), binary);
    assert.equal(calls(), 1);
  });

  test("asks again when another binary has taken its place", async (t) => {
    const { folder } = pretend(t, "QEMU emulator version 8.1.2");
    const before = await findQemu(undefined, folder);
    const program = join(folder, "qemu-system-x86_64");
    writeFileSync(program, "#!/bin/sh\necho 'QEMU emulator version 9.0.0 (of another length)'\n");
    const after = await findQemu(undefined, folder);
    assert.equal(after.version, "9.0.0");
    assert.notEqual(after.stamp, before.stamp);
  });

  test("in vain names the command that installs it", async (t) => {
    const error = await findQemu(undefined, temporaryDirectory(t)).catch((caught: unknown) => caught);
    // A QEMU in /usr/sbin would be found whatever the PATH.
    if (!isFault(error)) return t.skip("this host has QEMU in a system folder");
    await rejectsWith(
      findQemu(undefined, temporaryDirectory(t)),
      "vmm_missing",
      'no virtual machine monitor: "qemu-system-x86_64" was not found',
    );
    assert.equal(
      error.remedy,
      "Install it: sudo apt-get install --no-install-recommends qemu-system-x86 qemu-utils",
    );
  });
});
