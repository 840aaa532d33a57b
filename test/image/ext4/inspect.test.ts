import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { inspectExt4 } from "../../../src/image/ext4/inspect.ts";
import { writeExt4 } from "../../../src/image/ext4/writer.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { tinyExt4 } from "../images.ts";

function given(t: TestContext, content: Buffer): string {
  const path = join(temporaryDirectory(t), "file");
  writeFileSync(path, content);
  return path;
}

describe("a file that is to be a root file system", () => {
  test("is one when our own writer made it, and is clean", async (t) => {
    const path = join(temporaryDirectory(t), "file");
    const sizeBytes = 8 * 2 ** 20;
    await using writer = await writeExt4({
      path,
      label: "root",
      uuid: Buffer.alloc(16, 1),
      hashSeed: Buffer.alloc(16, 2),
      sizeBytes,
      journalBytes: 0,
      epoch: { seconds: 1, nanoseconds: 0 },
    });
    await writer.finish();
    assert.deepEqual(await inspectExt4(path), { size: sizeBytes, clean: true });
  });

  test("may be larger than its file system", async (t) => {
    const path = given(t, Buffer.concat([tinyExt4(), Buffer.alloc(4096)]));
    assert.deepEqual(await inspectExt4(path), { size: 65_536, clean: true });
  });

  test("is not clean when its journal waits or it was not unmounted", async (t) => {
    const waiting = given(
      t,
      tinyExt4((block) => block.writeUInt32LE(0x46, 0x60)),
    );
    assert.equal((await inspectExt4(waiting)).clean, false);
    const mounted = given(
      t,
      tinyExt4((block) => block.writeUInt16LE(0, 0x3a)),
    );
    assert.equal((await inspectExt4(mounted)).clean, false);
  });

  const damages: [problem: string, change: (block: Buffer) => void][] = [
    ["has a superblock that makes no sense", (block) => block.writeUInt32LE(7, 0x18)],
    ["has a superblock that makes no sense", (block) => block.writeUInt32LE(0, 0x00)],
    ["has a superblock that makes no sense", (block) => block.writeUInt32LE(0, 0x20)],
    ["has a superblock that makes no sense", (block) => block.writeUInt16LE(100, 0x58)],
    ["has blocks of 65536 bytes, which the kernel does not mount", (block) => block.writeUInt32LE(6, 0x18)],
    ["has 65536 bytes, and its file system 66560: it is cut off", (block) => block.writeUInt32LE(65, 0x04)],
    [
      "has a superblock that makes no sense",
      (block) => {
        block.writeUInt32LE(0xc2, 0x60);
        block.writeUInt32LE(0xffffffff, 0x150);
      },
    ],
    ["is the journal of another file system", (block) => block.writeUInt32LE(0x8, 0x60)],
    [
      "has features that the kernel does not know (incompat 0x80000000)",
      (block) => block.writeUInt32LE(0x80000042, 0x60),
    ],
    ["could only be read (ro_compat 0x1000)", (block) => block.writeUInt32LE(0x1000, 0x64)],
    ["has a superblock whose checksum is wrong", (block) => block.writeUInt32LE(0x400, 0x64)],
    ["is something else, not a raw ext4 file system", (block) => block.writeUInt16LE(0, 0x38)],
  ];
  for (const [problem, change] of damages) {
    test(`is refused because it ${problem}`, async (t) => {
      const path = given(t, tinyExt4(change));
      await rejectsWith(inspectExt4(path), "image_file_invalid", `"${path}" ${problem}`);
    });
  }

  const marks: [name: string, offset: number, mark: Buffer][] = [
    ["a qcow2 image", 0, Buffer.from("QFI\xfb", "latin1")],
    ["compressed with gzip", 0, Buffer.from([0x1f, 0x8b])],
    ["a tar archive", 257, Buffer.from("ustar")],
    ["a disk with a partition table", 510, Buffer.from([0x55, 0xaa])],
    ["a btrfs", 0x10040, Buffer.from("_BHRfS_M")],
  ];
  for (const [name, offset, mark] of marks) {
    test(`is refused by its name when it is ${name}`, async (t) => {
      const content = Buffer.alloc(70_000);
      mark.copy(content, offset);
      const path = given(t, content);
      await rejectsWith(
        inspectExt4(path),
        "image_file_invalid",
        `"${path}" is ${name}, not a raw ext4 file system`,
      );
    });
  }

  test("is refused when it is too small, not a file, or not there", async (t) => {
    const small = given(t, Buffer.alloc(2047));
    await rejectsWith(inspectExt4(small), "image_file_invalid", `"${small}" is too small for a file system`);
    const directory = join(temporaryDirectory(t), "d");
    mkdirSync(directory);
    await rejectsWith(inspectExt4(directory), "image_file_invalid", `"${directory}" is not a file`);
    const nowhere = join(directory, "x");
    await rejectsWith(inspectExt4(nowhere), "image_file_missing", `there is nothing at "${nowhere}"`);
  });

  test("is accepted or refused in order, whatever its superblock says", async (t) => {
    const change = fc.array(fc.tuple(fc.nat(0x3ff), fc.nat(255)), { minLength: 1, maxLength: 12 });
    const directory = temporaryDirectory(t);
    const path = join(directory, "file");
    await fc.assert(
      fc.asyncProperty(change, async (bytes) => {
        const content = tinyExt4((block) => {
          for (const [at, value] of bytes) block.writeUInt8(value, at);
        });
        writeFileSync(path, content);
        try {
          const { size } = await inspectExt4(path);
          assert.ok(size <= content.length);
        } catch (error) {
          assert.ok(isFault(error, "image_file_invalid"), String(error));
        }
      }),
      { numRuns: 200 },
    );
  });
});
