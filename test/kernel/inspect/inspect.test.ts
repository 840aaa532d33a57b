import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { inspectKernel, type KernelFacts } from "../../../src/kernel/inspect/inspect.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { xz } from "../../debian/support/archive.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { fakeBzImage, fakeVmlinux, fullConfig, ownRelease, sized } from "../support/own-kernel.ts";

const signal = new AbortController().signal;

function inspect(t: TestContext, content: Buffer): Promise<KernelFacts> {
  const path = join(temporaryDirectory(t), "kernel");
  writeFileSync(path, content);
  return inspectKernel("mine", path, signal);
}

async function unusable(t: TestContext, content: Buffer, problem: string): Promise<void> {
  await rejectsWith(inspect(t, content), "kernel_unusable", `kernel "mine" cannot be used: ${problem}`);
}

const vmlinux = fakeVmlinux({ config: fullConfig });

describe("a kernel's file is", () => {
  test("an ELF image with its release and its configuration", async (t) => {
    assert.deepEqual(await inspect(t, vmlinux), { format: "elf", release: ownRelease, config: fullConfig });
    assert.deepEqual(await inspect(t, fakeVmlinux()), { format: "elf", release: ownRelease });
  });

  test("a bzImage, whichever of these it is compressed with", async (t) => {
    const expected = { format: "bzImage", release: ownRelease, config: fullConfig };
    for (const payload of [gzipSync(vmlinux), sized(zstdCompressSync(vmlinux)), sized(xz(vmlinux))]) {
      assert.deepEqual(await inspect(t, fakeBzImage(payload)), expected);
    }
  });

  test("a bzImage into which nobody can look, which is said", async (t) => {
    for (const [payload, unseen] of [
      [Buffer.from("5d00000000000000", "hex"), "it is compressed with lzma"],
      [Buffer.from("89 4c 5a 4f 00 0d 0a 1a".replaceAll(" ", ""), "hex"), "it is compressed with lzo"],
      [Buffer.from("BZh91AY&"), "it is compressed with bzip2"],
      [Buffer.from("whatever"), "it is compressed with an unknown program"],
    ] as const) {
      assert.deepEqual(await inspect(t, fakeBzImage(payload)), {
        format: "bzImage",
        release: ownRelease,
        unseen,
      });
    }
    const damaged = sized(zstdCompressSync(vmlinux).subarray(0, 300));
    const { unseen = "" } = await inspect(t, fakeBzImage(damaged));
    assert.match(unseen, /^it cannot be decompressed \(/);
    const old = await inspect(t, fakeBzImage(gzipSync(vmlinux), { protocol: 0x207 }));
    assert.equal(old.unseen, "its header does not say where the kernel itself is");
  });

  test("found by the release in it when its header has none", async (t) => {
    const { release } = await inspect(t, fakeBzImage(gzipSync(vmlinux), { version: "" }));
    assert.equal(release, ownRelease);
    await unusable(
      t,
      fakeBzImage(Buffer.from("whatever"), { version: "" }),
      "its version is not in its header",
    );
  });

  test("no kernel for machines, and why", async (t) => {
    const neither = "it is neither a bzImage nor an ELF image";
    await unusable(t, Buffer.alloc(0), neither);
    await unusable(t, Buffer.from("#!/bin/sh\n"), neither);
    const arm = Buffer.alloc(4096);
    arm.write("ARM\x64", 56, "latin1");
    await unusable(t, arm, `${neither}: it is an Image for arm64`);
    await unusable(t, gzipSync(vmlinux), `${neither}: it is compressed with gzip, unpack it first`);
    await unusable(
      t,
      Buffer.from(`!<arch>\n${" ".repeat(80)}`),
      `${neither}: it is a package, unpack it first`,
    );
    await unusable(t, fakeVmlinux({ machine: 183 }), "it is an ELF image, but not for x86-64");
    await unusable(t, fakeVmlinux({ type: 1 }), "it is an ELF image that cannot be run");
    await unusable(
      t,
      fakeVmlinux({ release: "" }),
      "it is an ELF image without the banner of a Linux kernel",
    );
    await unusable(
      t,
      fakeVmlinux({ pvh: false }),
      "it has no PVH entry (CONFIG_PVH), without which QEMU starts no ELF image; give its bzImage",
    );
  });

  test("not there, or not a file", async (t) => {
    const directory = temporaryDirectory(t);
    const missing = join(directory, "none");
    await rejectsWith(
      inspectKernel("mine", missing, signal),
      "file_unusable",
      `the file "${missing}" cannot be used: there is no such file`,
    );
    mkdirSync(join(directory, "folder"));
    await rejectsWith(
      inspectKernel("mine", join(directory, "folder"), signal),
      "file_unusable",
      `the file "${join(directory, "folder")}" cannot be used: it is not a file`,
    );
  });
});

test("a kernel's file that was changed anywhere is read, or refused with an error of ours", async (t) => {
  const path = join(temporaryDirectory(t), "kernel");
  const originals = [vmlinux, fakeBzImage(sized(zstdCompressSync(vmlinux)))];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...originals),
      fc.array(fc.tuple(fc.nat({ max: 1200 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
      async (original, changes) => {
        const damaged = Buffer.from(original);
        for (const [at, to] of changes) damaged[at] = to;
        writeFileSync(path, damaged);
        const outcome = await inspectKernel("mine", path, signal).catch((error: unknown) => error);
        assert.ok(isFault(outcome) || !(outcome instanceof Error), String(outcome));
      },
    ),
    { numRuns: 150 },
  );
});
