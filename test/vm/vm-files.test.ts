import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { VmFiles } from "../../src/vm/vm-files.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const id = "0123456789ab";

function setUp(context: TestContext): { files: VmFiles; vms: string; runtime: string } {
  const directory = temporaryDirectory(context);
  const paths = { vms: join(directory, "vms"), runtime: join(directory, "run") };
  return { files: new VmFiles(paths), ...paths };
}

describe("the files of machines", () => {
  test("are for their owner only", async (context) => {
    const { files, runtime } = setUp(context);
    await files.prepare(id);
    await files.prepare(id);
    for (const path of [files.directory(id), runtime, files.runRoot, files.runDirectory(id)]) {
      assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
    await files.hostKey(id, "c");
    assert.equal(statSync(join(files.directory(id), "host_key")).mode & 0o777, 0o600);
  });

  test("have sockets apart from those of another state directory", (context) => {
    const { vms, runtime, files } = setUp(context);
    const other = new VmFiles({ vms: `${vms}2`, runtime });
    assert.notEqual(files.runRoot, other.runRoot);
    assert.equal(files.runRoot, new VmFiles({ vms, runtime }).runRoot);
  });

  test("are not made when a socket's path would be too long", async (context) => {
    const { vms } = setUp(context);
    const runtime = join(vms, "x".repeat(100));
    const files = new VmFiles({ vms, runtime });
    throwsWith(() => files.checkPaths(id), "path_too_long");
    await rejectsWith(files.prepare(id), "path_too_long");
    assert.equal(existsSync(vms), false);
  });

  test("are not made in a runtime directory that somebody laid out", async (context) => {
    const { files, runtime, vms } = setUp(context);
    mkdirSync(vms);
    symlinkSync(vms, runtime);
    await rejectsWith(files.prepare(id), "unsafe_directory");
  });

  test("keep one host key, also when its making was cut off", async (context) => {
    const { files } = setUp(context);
    await files.prepare(id);
    writeFileSync(join(files.directory(id), "host_key.pub"), "half");
    const key = await files.hostKey(id, "root@otter");
    assert.match(key.publicKey, /^ssh-ed25519 \S+ root@otter\n$/);
    assert.deepEqual(await files.hostKey(id, "another"), key);
    assert.equal(readFileSync(join(files.directory(id), "host_key"), "utf8"), key.privateKey);
  });

  test("show the end of the console, safe to print", async (context) => {
    const { files } = setUp(context);
    assert.equal(await files.consoleTail(id), "");
    await files.prepare(id);
    assert.equal(await files.consoleTail(id), "");
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}\r\n`);
    writeFileSync(files.consoleLog(id), `\u001b]0;title\u0007${lines.join("")}\u001b[31mred é\n\n`);
    assert.equal(
      await files.consoleTail(id),
      "line 13 / line 14 / line 15 / line 16 / line 17 / line 18 / line 19 / red",
    );
    assert.equal(await files.consoleTail(id, 8), "red");
  });

  test("go in two halves, the first of which hides them", async (context) => {
    const { files, vms } = setUp(context);
    await files.retire(id);
    await files.prepare(id);
    writeFileSync(join(files.directory(id), "disk.qcow2"), "");
    assert.equal(await files.hasDisk(id), true);
    await files.retire(id);
    assert.deepEqual(await files.ids(), []);
    assert.deepEqual(await files.retired(), [id]);
    assert.equal(await files.hasDisk(id), false);
    await files.purge(id);
    assert.deepEqual(readdirSync(vms), []);
    assert.deepEqual([await files.retired(), await files.runIds()], [[], []]);
  });

  test("of others stay when one's are purged", async (context) => {
    const { files } = setUp(context);
    const other = "ba9876543210";
    for (const one of [id, other]) await files.prepare(one);
    await files.retire(id);
    await files.retire(other);
    await files.purge(id);
    assert.deepEqual([await files.retired(), await files.runIds()], [[other], [other]]);
  });

  test("are known by id; what is not one is nobody's", async (context) => {
    const { files, vms } = setUp(context);
    assert.deepEqual([await files.ids(), await files.runIds(), await files.retired()], [[], [], []]);
    await files.prepare(id);
    for (const name of ["notes", "0123", `${id}0`, ".deleted-x"]) mkdirSync(join(vms, name));
    assert.deepEqual([await files.ids(), await files.retired()], [[id], []]);
  });

  test("can be cleared, but for the directory", async (context) => {
    const { files } = setUp(context);
    await files.prepare(id);
    mkdirSync(join(files.directory(id), "sub"));
    writeFileSync(join(files.directory(id), "disk.qcow2"), "half");
    await files.clear(id);
    assert.deepEqual(readdirSync(files.directory(id)), []);
  });

  test("say it when the directory cannot be made", async (context) => {
    const { files, vms } = setUp(context);
    writeFileSync(vms, "");
    const error = await rejectsWith(files.prepare(id), "directory_not_writable");
    assert.equal(error.message, `the directory "${vms}" cannot be written: not a directory`);
  });
});
