import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type CpioEntry, writeCpio } from "../../src/archive/cpio.ts";
import { errnoOf } from "../../src/lib/errors/error.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { readCpio } from "./cpio-reader.ts";

function write(...entries: CpioEntry[]): Buffer {
  return Buffer.concat([...writeCpio(entries)]);
}

const content = Buffer.from("content");
const tree: CpioEntry[] = [
  { path: "init", type: "file", mode: 0o755, content },
  { path: "dev", type: "directory", mode: 0o755 },
  { path: "dev/console", type: "character", mode: 0o600, device: { major: 5, minor: 1 } },
  { path: "dev/loop", type: "block", mode: 0o660, device: { major: 7, minor: 0 } },
  { path: "lib/modules/a.ko", type: "file", mode: 0o644, content: Buffer.alloc(1001, "k") },
  { path: "bin", type: "symlink", mode: 0o777, target: "usr/bin" },
];

describe("writeCpio", () => {
  test("writes files, folders, devices and links with their types and modes", () => {
    const entries = readCpio(write(...tree));
    assert.deepEqual(
      entries.map(({ path, mode, links, device }) => [path, mode.toString(8), links, device]),
      [
        ["init", "100755", 1, [0, 0]],
        ["dev", "40755", 2, [0, 0]],
        ["dev/console", "20600", 1, [5, 1]],
        ["dev/loop", "60660", 1, [7, 0]],
        ["lib", "40755", 2, [0, 0]],
        ["lib/modules", "40755", 2, [0, 0]],
        ["lib/modules/a.ko", "100644", 1, [0, 0]],
        ["bin", "120777", 1, [0, 0]],
      ],
    );
    assert.deepEqual(
      entries.map((entry) => entry.content.length),
      [7, 0, 0, 0, 0, 0, 1001, 7],
    );
    assert.equal(entries[7]?.content.toString(), "usr/bin");
  });

  test("gives every entry an inode of its own, so that none is taken for a hard link", () => {
    const inodes = readCpio(write(...tree)).map(({ inode }) => inode);
    assert.equal(new Set(inodes).size, inodes.length);
  });

  test("makes a missing folder once, and not one that was given", () => {
    const archive = write(
      { path: "a", type: "directory", mode: 0o700 },
      { path: "a/b/c", type: "file", mode: 0o644, content },
      { path: "a/b/d", type: "file", mode: 0o644, content },
    );
    assert.deepEqual(
      readCpio(archive).map(({ path, mode }) => `${path} ${mode.toString(8)}`),
      ["a 40700", "a/b 40755", "a/b/c 100644", "a/b/d 100644"],
    );
  });

  test("gives the same bytes for the same entries, in whole blocks", () => {
    const archive = write(...tree);
    assert.equal(archive.length % 512, 0);
    assert.deepEqual(write(...tree), archive);
    assert.equal(write().length, 512);
  });

  test("writes any content and name so that it is read back", () => {
    const part = fc.stringMatching(/^[^/\0]{1,30}$/).filter((name) => name !== "." && name !== "..");
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 40 })), {
      selector: ([name]) => name.split("/")[0],
      maxLength: 6,
    });
    fc.assert(
      fc.property(files, (given) => {
        const entries = given.map(
          ([name, bytes]): CpioEntry => ({ path: name, type: "file", mode: 0, content: bytes }),
        );
        const found = readCpio(write(...entries)).filter(({ mode }) => mode === 0o100000);
        assert.deepEqual(
          found.map((entry) => [entry.path, Buffer.from(entry.content)]),
          given.map(([name, bytes]) => [Buffer.from(name).toString(), Buffer.from(bytes)]),
        );
      }),
    );
  });

  test("does not copy the content of files", () => {
    const pieces = [...writeCpio([{ path: "a", type: "file", mode: 0, content }])];
    assert.ok(pieces.some((piece) => piece.buffer === content.buffer && piece.equals(content)));
  });

  test("refuses a path that is not plain, and one that comes twice", () => {
    for (const path of ["", "/a", "a/", "a//b", "./a", "a/../b", "a\0"]) {
      assert.throws(() => write({ path, type: "directory", mode: 0 }), /is not a plain relative path$/);
    }
    const twice: CpioEntry = { path: "a", type: "directory", mode: 0 };
    assert.throws(() => write(twice, twice), /^AssertionError.*: a is twice in the archive$/s);
  });

  test("is unpacked by BusyBox", (t) => {
    const directory = temporaryDirectory(t);
    const plain = tree.filter(({ type }) => type !== "character" && type !== "block");
    try {
      execFileSync("busybox", ["cpio", "-i", "-d"], {
        cwd: directory,
        input: write(...plain),
        stdio: "pipe",
      });
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      return t.skip("BusyBox is not installed");
    }
    assert.equal(readFileSync(join(directory, "init"), "latin1"), "content");
    assert.equal(lstatSync(join(directory, "init")).mode & 0o7777, 0o755);
    assert.equal(readFileSync(join(directory, "lib/modules/a.ko"), "latin1"), "k".repeat(1001));
    assert.equal(readlinkSync(join(directory, "bin")), "usr/bin");
    const list = execFileSync("busybox", ["cpio", "-t", "-v"], {
      input: write(...tree),
      stdio: "pipe",
    }).toString();
    assert.match(list, /^crw------- .* dev\/console$/m);
  });
});
