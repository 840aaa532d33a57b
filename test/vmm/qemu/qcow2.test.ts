import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { largestOverlay, writeOverlay } from "../../../src/vmm/qemu/qcow2.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const gib = 2 ** 30;

function image(context: TestContext, size: number): string {
  const path = join(temporaryDirectory(context), "rootfs.ext4");
  writeFileSync(path, "");
  truncateSync(path, size);
  return path;
}

function img(...args: string[]): string {
  return execFileSync("qemu-img", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** What qemu-img says of a disk, without its place. */
function info(path: string): Record<string, unknown> {
  const { filename, "full-backing-filename": _, ...rest } = JSON.parse(img("info", "--output=json", path));
  assert.equal(filename, path);
  return { ...rest, "actual-size": 0 };
}

describe("an overlay written by hand", () => {
  for (const size of [8 * gib, gib, gib + 2 ** 20, largestOverlay]) {
    test(`of ${size} bytes is what qemu-img makes, and sound`, async (t) => {
      const base = image(t, 2 ** 20);
      const directory = temporaryDirectory(t);
      const [ours, theirs] = [join(directory, "ours.qcow2"), join(directory, "theirs.qcow2")];
      await writeOverlay(ours, size, { path: base, format: "raw" });
      const layout = "cluster_size=128k,extended_l2=on";
      img("create", "-q", "-f", "qcow2", "-o", layout, "-b", base, "-F", "raw", theirs, String(size));
      assert.deepEqual(info(ours), info(theirs));
      assert.match(img("check", ours), /No errors were found/);
      assert.ok(statSync(ours).blocks * 512 < 64 * 1024, "it is sparse");
    });
  }

  test("lies over another overlay, beside it", async (t) => {
    const base = image(t, 2 ** 20);
    const directory = temporaryDirectory(t);
    await writeOverlay(join(directory, "base.qcow2"), 2 ** 20, { path: base, format: "raw" });
    const disk = join(directory, "disk.qcow2");
    await writeOverlay(disk, 2 ** 21, { path: "base.qcow2", format: "qcow2" });
    const chain = JSON.parse(img("info", "--backing-chain", "--output=json", disk)) as { filename: string }[];
    assert.deepEqual(
      chain.map(({ filename }) => filename),
      [disk, join(directory, "base.qcow2"), base],
    );
    assert.match(img("check", disk), /No errors were found/);
  });

  test("never takes the place of a file", async (t) => {
    const disk = join(temporaryDirectory(t), "disk.qcow2");
    writeFileSync(disk, "precious");
    await assert.rejects(writeOverlay(disk, gib, { path: "/b", format: "raw" }), { code: "EEXIST" });
  });
});
