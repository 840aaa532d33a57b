import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BundleReader } from "../../../src/image/bundle/read.ts";
import { surveyFile } from "../../../src/image/bundle/survey.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { chunked } from "../../archive/support.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { bundleOf, fakeExt4, manifestOf, sha256 } from "./support.ts";

const context = detachedContext();
const kib = 1024;
const oracle = ["tar", "zstd"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

/** Runs of zeros and of data, of sizes around those at which a hole begins. */
const disks = fc
  .array(
    fc.record({
      size: fc.oneof(
        fc.integer({ min: 1, max: 9000 }),
        fc.constantFrom(4 * kib, 64 * kib, 68 * kib, 200 * kib),
      ),
      byte: fc.constantFrom(0, 0, 1, 255),
    }),
    { maxLength: 12 },
  )
  .map((runs) => fakeExt4(Buffer.concat(runs.map(({ size, byte }) => Buffer.alloc(size, byte)))));

async function readBack(bundle: Buffer, path: string, chunk = 65_536) {
  await using reader = await BundleReader.open(chunked(bundle, chunk), context.signal);
  await reader.writeRootfs(path, context);
  return reader.manifest;
}

describe("a bundle", () => {
  test("gives the same disk and manifest back, whatever is in it and however it comes", async (t) => {
    const directory = temporaryDirectory(t);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(disks, fc.integer({ min: 1, max: 70_000 }), async (disk, chunk) => {
        run += 1;
        const bundle = await bundleOf(disk, join(directory, `in${run}`));
        const { rootfs, ...rest } = await readBack(bundle, join(directory, `out${run}`), chunk);
        assert.ok(readFileSync(join(directory, `out${run}`)).equals(disk));
        const { rootfs: expected, ...others } = manifestOf(disk);
        assert.deepEqual(rest, others);
        assert.deepEqual(rootfs, { file: expected.file, size: disk.length, sha256: sha256(disk) });
      }),
      { numRuns: 40 },
    );
  });

  test("has holes where the disk has zeros, in the file and on the disk it is read to", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = fakeExt4(Buffer.concat([Buffer.alloc(2 ** 20, 1), Buffer.alloc(40 * 2 ** 20)]));
    const bundle = await bundleOf(disk, join(directory, "in"));
    assert.ok(bundle.length < 10_000, `${bundle.length} bytes`);
    await readBack(bundle, join(directory, "out"));
    assert.ok(statSync(join(directory, "out")).blocks * 512 < 2 * 2 ** 20);
  });

  test("makes holes also of zeros that were stored", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = fakeExt4(Buffer.alloc(8 * kib, 1));
    const gap = Buffer.concat([disk, Buffer.alloc(32 * kib), Buffer.alloc(4 * kib, 2)]);
    const path = join(directory, "in");
    const bundle = await bundleOf(gap, path);
    const survey = await surveyFile(path, context.signal);
    assert.deepEqual(survey.ranges, [{ offset: 0, length: 44 * kib }]);
    await readBack(bundle, join(directory, "out"));
    assert.ok(readFileSync(join(directory, "out")).equals(gap));
    assert.ok(statSync(join(directory, "out")).blocks * 512 < 24 * kib);
  });

  test("is the same for the same image", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = fakeExt4(Buffer.alloc(100 * kib, 7));
    const first = await bundleOf(disk, join(directory, "a"));
    assert.ok(first.equals(await bundleOf(disk, join(directory, "b"))));
  });

  test("is unpacked by GNU tar and zstd to the same files", { skip: !oracle }, async (t) => {
    const directory = temporaryDirectory(t);
    const hole = Buffer.alloc(300 * kib);
    const disk = fakeExt4(Buffer.concat([Buffer.alloc(5000, 1), hole, Buffer.alloc(70 * kib, 2), hole]));
    writeFileSync(join(directory, "b.tar.zst"), await bundleOf(disk, join(directory, "in")));
    execFileSync("tar", ["--zstd", "-xf", "b.tar.zst"], { cwd: directory });
    assert.ok(readFileSync(join(directory, "rootfs.ext4")).equals(disk));
    const { id } = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as { id: string };
    assert.equal(id, "0123456789ab");
  });

  test("of GNU tar and zstd is read, sparse or not", { skip: !oracle }, async (t) => {
    const directory = temporaryDirectory(t);
    const hole = Buffer.alloc(300 * kib);
    const disk = fakeExt4(Buffer.concat([Buffer.alloc(5000, 1), hole, Buffer.alloc(4096, 2)]));
    writeFileSync(join(directory, "rootfs.ext4"), disk.subarray(0, 8192));
    truncateSync(join(directory, "rootfs.ext4"), disk.length - 8192);
    writeFileSync(join(directory, "rootfs.ext4"), disk.subarray(-8192), { flag: "a" });
    writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifestOf(disk)));
    for (const more of [["--format=gnu", "-S"], ["--format=pax", "-S"], []]) {
      const args = [...more, "--zstd", "-cf", "b.tar.zst", "manifest.json", "rootfs.ext4"];
      execFileSync("tar", args, { cwd: directory });
      const out = join(directory, `out${more.join("")}`);
      await readBack(readFileSync(join(directory, "b.tar.zst")), out.replaceAll("=", ""));
    }
  });
});

describe("a survey of a disk", () => {
  test("keeps the number of ranges small in a file that is all small holes", async (t) => {
    const path = join(temporaryDirectory(t), "disk");
    const block = Buffer.concat([Buffer.alloc(4 * kib, 1), Buffer.alloc(64 * kib)]);
    writeFileSync(path, Buffer.concat(Array.from({ length: 300 }, () => block)));
    const { ranges, size } = await surveyFile(path, context.signal);
    assert.equal(size, 300 * 68 * kib);
    assert.equal(ranges.length, 300);
    assert.deepEqual(ranges[1], { offset: 68 * kib, length: 4 * kib });
  });

  test("of an empty file has no ranges", async (t) => {
    const path = join(temporaryDirectory(t), "disk");
    writeFileSync(path, "");
    const { ranges, size, sha256: hash } = await surveyFile(path, context.signal);
    assert.deepEqual({ ranges, size, hash }, { ranges: [], size: 0, hash: sha256(Buffer.alloc(0)) });
  });
});
