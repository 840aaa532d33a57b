import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createOverlay, freezeOverlay, growOverlay, overlayUsed } from "../../../src/vmm/qemu/disk.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** The file of an image, in a folder of its own. */
function image(context: TestContext): string {
  const path = join(temporaryDirectory(context), "rootfs.ext4");
  writeFileSync(path, "");
  return path;
}

/** Puts a program of qemu-img's name in front of the PATH: it writes down its arguments and does what the script says. */
function pretend(context: TestContext, script: string): { directory: string; calls: () => string[] } {
  const folder = temporaryDirectory(context);
  const log = join(folder, "calls");
  writeFileSync(join(folder, "qemu-img"), `#!/bin/sh\nprintf '%s\\n' "$*" >> '${log}'\n${script}\n`);
  chmodSync(join(folder, "qemu-img"), 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${folder}:${before}`;
  context.after(() => {
    process.env.PATH = before;
  });
  const calls = (): string[] => readFileSync(log, "utf8").trimEnd().split("\n");
  return { directory: temporaryDirectory(context), calls };
}

describe("a machine's disk", () => {
  test("is made as a whole, over its image, without a program", async (t) => {
    const { directory, calls } = pretend(t, "exit 1");
    const base = image(t);
    const disk = await createOverlay({ directory, base, size: 1024 });
    assert.deepEqual(disk, { path: join(directory, "disk.qcow2"), format: "qcow2" });
    assert.deepEqual(readdirSync(directory), ["disk.qcow2"]);
    assert.ok(readFileSync(disk.path).includes(base));
    assert.ok((await overlayUsed(disk)) > 0);
    assert.throws(calls, /ENOENT/);
  });

  test("takes the place of one that was never finished", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, ".disk.qcow2.new"), "half");
    await createOverlay({ directory, base: image(t), size: 1024 });
    assert.deepEqual(readdirSync(directory), ["disk.qcow2"]);
  });

  test("over an image whose file is gone is refused, and nothing is left", async (t) => {
    const directory = temporaryDirectory(t);
    const base = join(directory, "gone.ext4");
    await rejectsWith(
      createOverlay({ directory, base, size: 1024 }),
      "image_file_missing",
      `there is nothing at "${base}"`,
    );
    assert.deepEqual(readdirSync(directory), []);
  });

  test("is frozen under a second name, which nobody may write to, and goes on in an empty layer", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = await createOverlay({ directory, base: image(t), size: 2 ** 30 });
    const places = { frozen: { directory, name: "frozen" }, next: { directory, name: "disk-2" } };
    const { frozen, next } = await freezeOverlay({ disk, size: 2 ** 30, ...places });
    assert.deepEqual(readdirSync(directory).sort(), ["disk-2.qcow2", "disk.qcow2", "frozen.qcow2"]);
    assert.equal(statSync(frozen.path).ino, statSync(disk.path).ino);
    assert.equal(statSync(frozen.path).mode & 0o777, 0o400);
    assert.ok(readFileSync(next.path).includes(frozen.path));
  });

  test("that cannot be frozen stays as it was, and nothing is left", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = await createOverlay({ directory, base: image(t), size: 1024 });
    const places = { frozen: { directory, name: "frozen" }, next: { directory: "/proc/none", name: "disk" } };
    await assert.rejects(freezeOverlay({ disk, size: 1024, ...places }));
    assert.deepEqual(readdirSync(directory), ["disk.qcow2"]);
    assert.equal(statSync(disk.path).mode & 0o777, 0o600);
  });

  test("grows by qemu-img, by its own format", async (t) => {
    const { directory, calls } = pretend(t, "true");
    await growOverlay({ path: join(directory, "disk.raw"), format: "raw" }, 4096);
    assert.deepEqual(calls(), [`resize -q -f raw ${join(directory, "disk.raw")} 4096`]);
  });

  const failures = [
    [
      "No space left on device",
      "no_space",
      /^no space left at ".*disk\.qcow2" while making the machine's disk$/,
    ],
    [
      "Permission denied",
      "directory_not_writable",
      /^the directory ".*" cannot be written: permission denied$/,
    ],
    ["Read-only file system", "directory_not_writable", /: read-only file system$/],
    ["Image is not in raw format", "tool_failed", /^qemu-img failed \(status 1\): .*not in raw format$/],
  ] as const;
  for (const [says, code, message] of failures) {
    test(`that cannot grow because of "${says}" is ${code}`, async (t) => {
      const { directory } = pretend(t, `echo "qemu-img: x: ${says}" >&2\nexit 1`);
      const disk = { path: join(directory, "disk.qcow2"), format: "qcow2" as const };
      await rejectsWith(growOverlay(disk, 1024), code, message);
    });
  }

  test("that is no longer wanted leaves nothing", async (t) => {
    const directory = temporaryDirectory(t);
    await rejectsWith(
      createOverlay({ directory, base: image(t), size: 1024 }, AbortSignal.abort()),
      "interrupted",
    );
    assert.deepEqual(readdirSync(directory), []);
  });

  test("occupies nothing when there is none", async (t) => {
    const path = join(temporaryDirectory(t), "disk.qcow2");
    assert.equal(await overlayUsed({ path, format: "qcow2" }), 0);
  });
});
