import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { modulesTree } from "../../../src/kernel/modules/drive.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

describe("the tree of the modules drive", () => {
  test("has folders before their files, in order, owned by root, with one time", async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, "kernel/fs"), { recursive: true });
    writeFileSync(join(directory, "modules.dep"), "abc", { mode: 0o600 });
    writeFileSync(join(directory, "kernel/fs/b.ko"), Buffer.alloc(5000, 1));
    writeFileSync(join(directory, "kernel/a.ko"), "");
    symlinkSync("/usr/src/linux", join(directory, "build"));
    const tree = await modulesTree(directory, "6.1", 1000);
    assert.equal(tree.bytes, 4096 + 8192);
    assert.equal(tree.entries, 5);
    const seen: string[] = [];
    for await (const member of tree.members()) {
      let size = 0;
      for await (const { offset, data } of member.extents) {
        assert.equal(offset, size);
        size += data.length;
      }
      assert.equal(size, member.size);
      assert.deepEqual(member.mtime, { seconds: 1000, nanoseconds: 0 });
      assert.equal(member.uid + member.gid, 0);
      seen.push(`${member.type} ${member.path} ${member.mode.toString(8)} ${member.size}`);
    }
    assert.deepEqual(seen, [
      "directory kernel 755 0",
      "file kernel/a.ko 644 0",
      "directory kernel/fs 755 0",
      "file kernel/fs/b.ko 644 5000",
      "file modules.dep 644 3",
    ]);
  });

  test("can be read more than once", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "a"), "content");
    const tree = await modulesTree(directory, "6.1", 0);
    for (let turn = 0; turn < 2; turn += 1) {
      const pieces: Buffer[] = [];
      for await (const member of tree.members()) for await (const piece of member.content) pieces.push(piece);
      assert.equal(Buffer.concat(pieces).toString(), "content");
    }
  });
});
