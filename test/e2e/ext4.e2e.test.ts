import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { readTar } from "../../src/archive/tar/read.ts";
import { writeExt4 } from "../../src/image/ext4/writer.ts";
import { addEntry, build, checkImage, e2fsprogs, smallOptions } from "../image/ext4/support/image.ts";
import { type Found, ImageReader } from "../image/ext4/support/reader.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** The ext4 writer against the kernel and against mke2fs. Mounting and owning files take root; without it, skipped. */
const root = process.getuid?.() === 0;

/** Mounts something until the test ends; undefined when this machine does not let us. */
function mounted(context: TestContext, args: string[]): string | undefined {
  const point = mkdtempSync(join(tmpdir(), "banger-test-"));
  const done = root && spawnSync("mount", [...args, point]).status === 0;
  context.after(() => {
    if (done) spawnSync("umount", [point]);
    rmdirSync(point);
  });
  return done ? point : undefined;
}

describe("an image in the hands of the kernel", () => {
  test("mounts, finds names in large directories, and stays clean when it is written to", async (context) => {
    const files = Array.from({ length: 20_000 }, (_, index) => ({
      path: `many/file-with-some-name-${index}`,
      content: `${index}`,
    }));
    const { path } = await build(
      context,
      [...files, { path: "small/\xff", content: "latin" }, { path: "cap", xattrs: { "user.note": "kept" } }],
      { sizeBytes: 512 * 2 ** 20, journalBytes: 4 * 2 ** 20 },
    );
    const point = mounted(context, ["-o", "loop", path]);
    if (!point) return context.skip("this machine cannot mount it");
    for (const index of [0, 1, 9_999, 19_999]) {
      assert.equal(readFileSync(join(point, `many/file-with-some-name-${index}`), "utf8"), `${index}`);
    }
    assert.equal(readdirSync(join(point, "many")).length, 20_000);
    const script = `cd "$1/many" && for i in $(seq 1 500); do rm file-with-some-name-$i; echo $i > new-$i; done; cp -a ../small ../copy`;
    assert.equal(spawnSync("sh", ["-ec", script, "sh", point]).status, 0);
    assert.equal(spawnSync("umount", [point]).status, 0);
    checkImage(path);
  });

  test("a full disk is an error of its own, and leaves nothing behind", async (context) => {
    const point = mounted(context, ["-t", "tmpfs", "-o", "size=4m", "none"]);
    if (!point) return context.skip("this machine cannot mount a small file system");
    const path = join(point, "image");
    const failing = async (): Promise<void> => {
      await using writer = await writeExt4(smallOptions(path));
      await addEntry(writer, { path: "f", content: Buffer.alloc(8 * 2 ** 20, "x") });
      await writer.finish();
    };
    const message = `no space left at ${JSON.stringify(path)} while writing a root file system`;
    await rejectsWith(failing, "no_space", message);
    assert.deepEqual(readdirSync(point), []);
  });

  test("resize2fs makes 8 GiB into 100, and e2fsck is content", async (context) => {
    const program = e2fsprogs("resize2fs");
    if (!program) return context.skip("e2fsprogs is not installed");
    const sizes = { sizeBytes: 8 * 2 ** 30, journalBytes: 64 * 2 ** 20, growToBytes: 2 ** 41 };
    const path = join(temporaryDirectory(context), "image");
    await using writer = await writeExt4(smallOptions(path, sizes));
    await addEntry(writer, { path: "f", content: "kept" });
    await writer.finish();
    truncateSync(path, 100 * 2 ** 30);
    const { status, stderr } = spawnSync(program, [path], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    checkImage(path);
  });
});

describe("a Debian minbase", { skip: !root && "unpacking it as it is takes root" }, () => {
  const directory = mkdtempSync(join(tmpdir(), "banger-test-"));
  let skip: string | undefined;
  after(() => rmSync(directory, { recursive: true }));
  before(() => {
    const args = ["--quiet", "--variant=minbase", "bookworm", join(directory, "minbase.tar")];
    const { status, error } = spawnSync("mmdebstrap", args, { timeout: 300_000 });
    if (status !== 0) skip = `mmdebstrap cannot make it: ${error?.message ?? `status ${status}`}`;
  });

  test("is the same as mke2fs makes it, but for what the formats leave open", async (context) => {
    if (skip) return context.skip(skip);
    const tar = join(directory, "minbase.tar");
    const ours = join(directory, "ours");
    await using writer = await writeExt4(smallOptions(ours, { sizeBytes: 512 * 2 ** 20 }));
    for await (const member of readTar(createReadStream(tar))) await writer.add(member, member.extents);
    await writer.finish();
    checkImage(ours);
    const tree = join(directory, "tree");
    mkdirSync(tree);
    run("tar", ["-xpf", tar, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", tree]);
    const theirs = join(directory, "theirs");
    const features = ["-O", "^64bit,^has_journal,^inline_data", "-I", "256", "-b", "4096"];
    run(e2fsprogs("mke2fs") ?? "mke2fs", ["-q", "-t", "ext4", ...features, "-d", tree, theirs, "512M"]);
    const [one, two] = [listing(ours), listing(theirs)];
    assert.deepEqual([...one.keys()].sort(), [...two.keys()].sort());
    for (const [path, found] of one) assert.deepEqual(found, two.get(path), path);
    assert.ok(one.size > 5000);
  });
});

function run(program: string, args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** What both must agree on. mke2fs drops nanoseconds, and lost+found and directory sizes are each maker's own. */
function listing(image: string): Map<string, unknown> {
  const found = new ImageReader(image).list();
  found.delete("lost+found");
  const inodes = new Map<number, number>();
  return new Map([...found].map(([path, entry]) => [path, summaryOf(path, entry, inodes)]));
}

function summaryOf(path: string, found: Found, inodes: Map<number, number>): unknown {
  const { type, mode, uid, gid, links, target, device, xattrs, content, mtime, inode } = found;
  const first = inodes.get(inode) ?? inodes.size;
  inodes.set(inode, first);
  const hash = type === "file" && content ? createHash("sha256").update(content).digest("hex") : undefined;
  const time = path === "" ? undefined : mtime.seconds;
  return { type, mode, uid, gid, links, target, device, xattrs, hash, time };
}
