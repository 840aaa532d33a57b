import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { packTree } from "../../../src/archive/tree/pack.ts";
import { unpackTree } from "../../../src/archive/tree/unpack.ts";
import { noRealAgent } from "../../guest/real-agent.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { chunked, gather, readAll } from "../support.ts";
import { describeTree, failed, makeTree, occupied, packed } from "./support.ts";

const skip = noRealAgent();

describe("a tree of files", { skip }, () => {
  test("comes back as it was: modes, times, links, holes, any names", async (t) => {
    const home = temporaryDirectory(t);
    makeTree(join(home, "source"));
    const archive = await packed(join(home, "source"));
    const result = await unpackTree(chunked(archive, 1000), Buffer.from(join(home, "copy")));
    assert.deepEqual(describeTree(join(home, "copy")), describeTree(join(home, "source")));
    assert.deepEqual(result, { entries: 13, bytes: 4_300_032, leftOut: 0 });
    assert.ok(occupied(join(home, "copy/sparse")) < 100_000);
    assert.ok(archive.length < 400_000, `${archive.length} bytes`);
    chmodSync(join(home, "copy/closed"), 0o700);
    chmodSync(join(home, "source/closed"), 0o700);
  });

  test("keeps extended attributes, whatever bytes they are", async (t) => {
    const home = temporaryDirectory(t);
    writeFileSync(join(home, "source"), "x");
    const set = "import os,sys\nos.setxattr(sys.argv[1], b'user.a=%b', b'\\x00\\xff\\n')";
    try {
      execFileSync("python3", ["-c", set, join(home, "source")], { stdio: "pipe" });
    } catch {
      t.skip("no python3, or no extended attributes here");
      return;
    }
    const archive = await packed(join(home, "source"), "source");
    const [member] = await readAll(archive);
    assert.deepEqual(member?.xattrs, new Map([["user.a=%b", Buffer.from([0, 255, 10])]]));
    await unpackTree(chunked(archive), Buffer.from(join(home, "copy")));
    const get = "import os,sys\nsys.stdout.buffer.write(os.getxattr(sys.argv[1], b'user.a=%b'))";
    assert.deepEqual(execFileSync("python3", ["-c", get, join(home, "copy")]), Buffer.from([0, 255, 10]));
  });

  test("is read by GNU tar as it is, and read from GNU tar", async (t) => {
    const home = temporaryDirectory(t);
    makeTree(join(home, "source"));
    mkdirSync(join(home, "by-tar"));
    const input = await packed(join(home, "source"), "source");
    // Complains of a time before 1970, and keeps it.
    execFileSync("tar", ["-xf", "-", "-C", join(home, "by-tar")], {
      input,
      stdio: ["pipe", "pipe", "ignore"],
    });
    assert.deepEqual(describeTree(join(home, "by-tar/source")), describeTree(join(home, "source")));
    for (const format of ["gnu", "pax"]) {
      const theirs = execFileSync("tar", ["-cSf", "-", `--format=${format}`, "-C", home, "source"], {
        maxBuffer: 1e8,
      });
      await unpackTree(chunked(theirs), Buffer.from(join(home, format)));
      const seconds = (line: string): string => line.replace(/(\d{9})( |$)/, "$2");
      const wanted = describeTree(join(home, "source"));
      const got = describeTree(join(home, format));
      if (format === "pax") assert.deepEqual(got, wanted);
      // The older format has whole seconds, rounded down.
      else assert.deepEqual(got.map(seconds).length, wanted.map(seconds).length);
    }
    for (const name of ["source", "by-tar/source", "gnu", "pax"])
      chmodSync(join(home, name, "closed"), 0o700);
  });

  test("of any shape comes back", async (t) => {
    const home = temporaryDirectory(t);
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte))));
    const content = fc.oneof(fc.uint8Array({ maxLength: 2000 }), fc.constant(Buffer.alloc(70_001, 7)));
    const files = fc.uniqueArray(fc.tuple(name, name, content, fc.integer({ min: 0o400, max: 0o777 })), {
      maxLength: 12,
      selector: ([directory, file]) => `${directory.toString("hex")}/${file.toString("hex")}`,
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(files, async (some) => {
        round += 1;
        const source = join(home, `s${round}`);
        mkdirSync(source);
        for (const [directory, file, bytes, mode] of some) {
          if (isDots(directory) || isDots(file)) continue;
          const folder = Buffer.concat([Buffer.from(`${source}/`), directory]);
          mkdirSync(folder, { recursive: true });
          writeFileSync(Buffer.concat([folder, Buffer.from("/"), file]), bytes, { mode });
        }
        const target = Buffer.from(join(home, `t${round}`));
        await packTree([{ path: Buffer.from(source), name: Buffer.from("s") }], {}, (archive) =>
          unpackTree(archive, target),
        );
        assert.deepEqual(describeTree(String(target)), describeTree(source));
      }),
      { numRuns: 15 },
    );
  });
});

describe("where a copy goes", { skip }, () => {
  test("is below a directory that exists, else by its own name, as with cp -r", async (t) => {
    const home = temporaryDirectory(t);
    mkdirSync(join(home, "source"));
    writeFileSync(join(home, "source/file"), "x");
    mkdirSync(join(home, "there"));
    const tree = await packed(join(home, "source"), "source");
    const content = await packed(join(home, "source"), ".");
    const file = await packed(join(home, "source/file"), "file");
    const to = (archive: Buffer, path: string, directory = false): Promise<unknown> =>
      unpackTree(chunked(archive), Buffer.from(join(home, path)), { directory });
    await to(tree, "there");
    await to(tree, "new");
    await to(tree, "newer/");
    await to(content, "there");
    await to(content, "contents");
    await to(file, "there");
    await to(file, "renamed");
    assert.deepEqual(readdirSync(join(home, "there")).sort(), ["file", "source"]);
    for (const path of ["there/source", "new", "newer", "contents"]) {
      assert.deepEqual(readdirSync(join(home, path)), ["file"], path);
    }
    assert.equal(readFileSync(join(home, "renamed"), "utf8"), "x");
    const refused = async (path: string, archive: Buffer, why: string, early = false): Promise<void> => {
      const message = failed(join(home, path), `${join(home, path)}: ${why}`, !early);
      await rejectsWith(to(archive, path, early && path === "no"), "copy_failed", message);
    };
    await refused("missing/", file, "No such file or directory");
    await refused("renamed/", file, "Not a directory");
    await refused("renamed", tree, "Not a directory");
    await refused("no/such", file, "No such file or directory", true);
    await refused("no", file, "No such file or directory", true);
    assert.deepEqual(readdirSync(home).sort(), ["contents", "new", "newer", "renamed", "source", "there"]);
  });

  test("may be named by a link, whose target is then replaced", async (t) => {
    const home = temporaryDirectory(t);
    writeFileSync(join(home, "source"), "new");
    writeFileSync(join(home, "old"), "old");
    symlinkSync("old", join(home, "link"));
    await unpackTree(chunked(await packed(join(home, "source"), "s")), Buffer.from(join(home, "link")));
    assert.equal(readFileSync(join(home, "old"), "utf8"), "new");
    assert.deepEqual(readdirSync(home).sort(), ["link", "old", "source"]);
  });

  test("a link that is named as a source is followed unless that is not wanted", async (t) => {
    const home = temporaryDirectory(t);
    writeFileSync(join(home, "file"), "content");
    mkdirSync(join(home, "folder"));
    symlinkSync("file", join(home, "link"));
    symlinkSync("folder", join(home, "folders"));
    const types = async (name: string, follow: boolean): Promise<string[]> => {
      const source = { path: Buffer.from(join(home, name)), name: Buffer.from(name) };
      const archive = await packTree([source], { follow }, gather);
      return (await readAll(archive)).map(({ type }) => type);
    };
    assert.deepEqual(await types("link", true), ["file"]);
    assert.deepEqual(await types("link", false), ["symlink"]);
    assert.deepEqual(await types("folders", true), ["directory"]);
    assert.deepEqual(await types("folders", false), ["symlink"]);
  });
});

describe("a copy that fails", { skip }, () => {
  test("leaves nothing that is new, and everything that was there", async (t) => {
    const home = temporaryDirectory(t);
    makeTree(join(home, "source"));
    mkdirSync(join(home, "there/tree/deep"), { recursive: true });
    writeFileSync(join(home, "there/tree/deep/mine"), "mine");
    const archive = (await packed(join(home, "source"))).subarray(0, 200_000);
    await rejectsWith(unpackTree(chunked(archive), Buffer.from(join(home, "new"))), "archive_truncated");
    await rejectsWith(unpackTree(chunked(archive), Buffer.from(join(home, "there"))), "archive_truncated");
    assert.ok(!existsSync(join(home, "new")));
    assert.deepEqual(readdirSync(join(home, "there/tree")), ["deep"]);
    assert.deepEqual(readdirSync(join(home, "there/tree/deep")), ["mine"]);
    chmodSync(join(home, "source/closed"), 0o700);
  });

  test("says which source is not there", async (t) => {
    const home = temporaryDirectory(t);
    await rejectsWith(
      packed(join(home, "nothing")),
      "file_missing",
      `"${home}/nothing" does not exist on the host`,
    );
  });
});

function isDots(name: Buffer): boolean {
  return name.equals(Buffer.from(".")) || name.equals(Buffer.from(".."));
}
