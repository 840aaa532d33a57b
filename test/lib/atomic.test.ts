import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  createDirectoryAtomic,
  diskFault,
  removeStaleStaging,
  writeFileAtomic,
} from "../../src/lib/atomic.ts";
import { BangerError, fault } from "../../src/lib/errors/error.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("writeFileAtomic", () => {
  test("writes a new file for its owner only, and replaces an old one", async (t) => {
    const folder = temporaryDirectory(t);
    const path = join(folder, "a.json");
    await writeFileAtomic(path, "one");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await writeFileAtomic(path, "two");
    assert.equal(readFileSync(path, "utf8"), "two");
    assert.deepEqual(readdirSync(folder), ["a.json"]);
  });

  test("leaves nothing when the directory does not exist", async (t) => {
    const folder = temporaryDirectory(t);
    await assert.rejects(writeFileAtomic(join(folder, "no", "a"), "x"), { code: "ENOENT" });
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe("createDirectoryAtomic", () => {
  test("shows the directory only when it is complete", async (t) => {
    const folder = temporaryDirectory(t);
    const path = join(folder, "image");
    const result = await createDirectoryAtomic(path, async (staging) => {
      assert.ok(!existsSync(path));
      await writeFile(join(staging, "rootfs"), "x");
      return 7;
    });
    assert.equal(result, 7);
    assert.deepEqual(readdirSync(path), ["rootfs"]);
    assert.deepEqual(readdirSync(folder), ["image"]);
  });

  test("leaves nothing when filling it fails", async (t) => {
    const folder = temporaryDirectory(t);
    const work = createDirectoryAtomic(join(folder, "image"), async (staging) => {
      await writeFile(join(staging, "half"), "x");
      throw fault("internal", { detail: "half-way" });
    });
    await rejectsWith(work, "internal", "internal error: half-way");
    assert.deepEqual(readdirSync(folder), []);
  });

  test("does not replace what is there unless asked", async (t) => {
    const folder = temporaryDirectory(t);
    const path = join(folder, "kernel");
    mkdirSync(path);
    writeFileSync(join(path, "old"), "");
    const fill = async (staging: string): Promise<void> => await writeFile(join(staging, "new"), "");
    await assert.rejects(createDirectoryAtomic(path, fill), { code: "ENOTEMPTY" });
    assert.deepEqual(readdirSync(path), ["old"]);
    await createDirectoryAtomic(path, fill, { replace: true });
    assert.deepEqual(readdirSync(path), ["new"]);
    assert.deepEqual(readdirSync(folder), ["kernel"]);
  });

  test("keeps the old one when filling its replacement fails", async (t) => {
    const folder = temporaryDirectory(t);
    const path = join(folder, "kernel");
    mkdirSync(path);
    const work = createDirectoryAtomic(
      path,
      async () => {
        throw fault("internal", { detail: "x" });
      },
      { replace: true },
    );
    await rejectsWith(work, "internal");
    assert.deepEqual(readdirSync(folder), ["kernel"]);
  });
});

test("what a killed process left behind is removed, and nothing else", async (t) => {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, ".image.staging-0123456789ab"));
  mkdirSync(join(folder, "image"));
  assert.deepEqual(await removeStaleStaging(folder), [".image.staging-0123456789ab"]);
  assert.deepEqual(readdirSync(folder), ["image"]);
  assert.deepEqual(await removeStaleStaging(join(folder, "missing")), []);
});

describe("a system error of the disk", () => {
  const cases: [string, string, string][] = [
    ["ENOSPC", "no_space", 'no space left at "/x/y" while saving'],
    ["EDQUOT", "no_space", 'no space left at "/x/y" while saving'],
    ["EROFS", "directory_not_writable", 'the directory "/x" cannot be written: read-only file system'],
    ["EACCES", "directory_not_writable", 'the directory "/x" cannot be written: permission denied'],
  ];
  for (const [errno, code, message] of cases) {
    test(`${errno} becomes ${code}`, () => {
      const cause = Object.assign(new Error("no"), { code: errno });
      const error = diskFault(cause, "/x/y", "saving");
      assert.ok(error instanceof BangerError);
      assert.equal(error.code, code);
      assert.equal(error.message, message);
      assert.equal(error.cause, cause);
    });
  }

  test("that is none of these stays as it is", () => {
    const error = Object.assign(new Error("no"), { code: "EIO" });
    assert.equal(diskFault(error, "/x", "saving"), error);
  });
});
