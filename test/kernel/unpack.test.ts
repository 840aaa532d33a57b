import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { unpackKernel } from "../../src/kernel/unpack.ts";
import { hashOf } from "../debian/support/archive.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import {
  fakeVmlinuz,
  kernelFiles,
  makeDeb,
  type PackageFiles,
  packageTime,
} from "./support/kernel-package.ts";

const signal = new AbortController().signal;
const release = "6.1.0-1-cloud-amd64";

async function unpack(t: TestContext, files: PackageFiles) {
  const folder = temporaryDirectory(t);
  const deb = join(folder, "kernel.deb");
  writeFileSync(deb, await makeDeb(files));
  const to = { vmlinuz: join(folder, "vmlinuz"), tree: join(folder, "tree") };
  return { to, unpacked: await unpackKernel("mine", deb, to, signal), folder };
}

describe("a kernel package", () => {
  for (const prefix of ["lib", "usr/lib"] as const) {
    test(`with modules in /${prefix} is unpacked to where depmod looks`, async (t) => {
      const { to, unpacked } = await unpack(t, kernelFiles(release, prefix));
      const image = fakeVmlinuz(`kernel ${release} `);
      assert.deepEqual(unpacked, {
        release,
        vmlinuz: { size: image.length, sha256: hashOf(image) },
        modules: join(to.tree, "lib/modules", release),
        time: packageTime,
      });
      assert.deepEqual(readFileSync(to.vmlinuz), image);
      assert.equal(readFileSync(join(unpacked.modules, "kernel/virtio.ko"), "utf8"), "\x7fELF module virtio");
      assert.ok(existsSync(join(to.tree, "usr/lib/modules", release, "modules.builtin")));
      assert.equal(existsSync(join(to.tree, "boot")), false);
    });
  }

  for (const [what, files, problem] of [
    ["without a kernel", { [`lib/modules/${release}/a.ko`]: "a" }, "its package holds no boot/vmlinuz"],
    [
      "without its modules",
      { [`boot/vmlinuz-${release}`]: fakeVmlinuz(), "lib/modules/5.10/a.ko": "a" },
      `its package holds no modules of ${release}`,
    ],
    [
      "with two kernels",
      { "boot/vmlinuz-1": fakeVmlinuz(), "boot/vmlinuz-2": fakeVmlinuz() },
      "its package holds two kernels",
    ],
    [
      "with a kernel that is none",
      { [`boot/vmlinuz-${release}`]: Buffer.alloc(4096), [`lib/modules/${release}/a.ko`]: "a" },
      "its vmlinuz is no bzImage",
    ],
    ["with an empty kernel", { [`boot/vmlinuz-${release}`]: "" }, "its vmlinuz is no bzImage"],
  ] as const) {
    test(`${what} is refused`, async (t) => {
      await rejectsWith(unpack(t, files), "kernel_unusable", `kernel "mine" cannot be used: ${problem}`);
    });
  }

  test("with a path that leads out of it is refused, and writes nothing there", async (t) => {
    const files = { ...kernelFiles(release), "lib/modules/../../../../escaped": "x" };
    await rejectsWith(unpack(t, files), "archive_path_unsafe");
  });

  test("that is cut off is refused", async (t) => {
    const folder = temporaryDirectory(t);
    const whole = await makeDeb(kernelFiles(release));
    writeFileSync(join(folder, "cut.deb"), whole.subarray(0, whole.length / 2));
    const to = { vmlinuz: join(folder, "vmlinuz"), tree: join(folder, "tree") };
    await rejectsWith(unpackKernel("mine", join(folder, "cut.deb"), to, signal), "archive_truncated");
  });

  test("is not read on when that is cancelled", async (t) => {
    const folder = temporaryDirectory(t);
    writeFileSync(join(folder, "a.deb"), await makeDeb(kernelFiles(release)));
    const to = { vmlinuz: join(folder, "vmlinuz"), tree: join(folder, "tree") };
    await rejectsWith(unpackKernel("mine", join(folder, "a.deb"), to, AbortSignal.abort()), "interrupted");
  });
});
