import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { type BundleLimits, usualBundleLimits } from "../../../src/image/bundle/limits.ts";
import { BundleReader } from "../../../src/image/bundle/read.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { type BangerError, isFault } from "../../../src/lib/errors/error.ts";
import { chunked, file, pack } from "../../archive/support.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { bundleOf, fakeExt4, manifestEntry, manifestOf, packed, rootfsEntry, sha256 } from "./support.ts";

const context = detachedContext();
const disk = fakeExt4(Buffer.alloc(20_000, 7));
const good = manifestEntry(manifestOf(disk));

let runs = 0;

async function read(
  directory: string,
  bundle: Buffer,
  limits: BundleLimits = usualBundleLimits,
  signal = context.signal,
): Promise<void> {
  runs += 1;
  await using reader = await BundleReader.open(chunked(bundle, 4096), signal, limits);
  await reader.writeRootfs(join(directory, `out${runs}`), { ...context, signal });
}

async function refused(t: TestContext, bundle: Buffer, problem: string): Promise<BangerError> {
  const message = `the bundle cannot be used: ${problem}`;
  return await rejectsWith(read(temporaryDirectory(t), bundle), "bundle_invalid", message);
}

describe("a bundle is refused that", () => {
  test("has something else in it, before or after, with its name", async (t) => {
    const extra = file("../../etc/passwd", "root::0:0");
    const before = await packed(extra, good, rootfsEntry(disk));
    await refused(t, before, 'it has "../../etc/passwd" where the file manifest.json is expected');
    const between = await packed(good, extra, rootfsEntry(disk));
    await refused(t, between, 'it has "../../etc/passwd" where the file rootfs.ext4 is expected');
    const after = await packed(good, rootfsEntry(disk), extra);
    await refused(t, after, 'it has "../../etc/passwd" where its end is expected');
  });

  test("has one of the two twice", async (t) => {
    const problem = 'it has "manifest.json" where the file rootfs.ext4 is expected';
    await refused(t, await packed(good, good, rootfsEntry(disk)), problem);
    const twice = await packed(good, rootfsEntry(disk), rootfsEntry(disk));
    await refused(t, twice, 'it has "rootfs.ext4" where its end is expected');
  });

  test("has a link, a directory or a device where a file is to be", async (t) => {
    for (const [entry, shown] of [
      [file("manifest.json", "", { type: "symlink", link: Buffer.from("/etc/shadow") }), "symlink"],
      [file("manifest.json", "", { type: "hardlink", link: Buffer.from("rootfs.ext4") }), "hardlink"],
      [file("manifest.json", "", { type: "directory" }), "directory"],
      [file("manifest.json", "", { type: "block", device: { major: 8, minor: 0 } }), "block"],
    ] as const) {
      const problem = `it has the ${shown} "manifest.json" where the file manifest.json is expected`;
      await refused(t, await packed(entry, rootfsEntry(disk)), problem);
    }
  });

  test("has other spellings of the names", async (t) => {
    for (const path of ["./manifest.json", "/manifest.json", "a/../manifest.json", "MANIFEST.JSON"]) {
      const bundle = await packed(manifestEntry(manifestOf(disk), path), rootfsEntry(disk));
      await refused(t, bundle, `it has ${JSON.stringify(path)} where the file manifest.json is expected`);
    }
  });

  test("lacks one of the two", async (t) => {
    await refused(t, await packed(), "it has no manifest.json");
    await refused(t, await packed(good), "it has no rootfs.ext4");
    const swapped = await packed(rootfsEntry(disk), good);
    await refused(t, swapped, 'it has "rootfs.ext4" where the file manifest.json is expected');
  });

  test("has a manifest that is none", async (t) => {
    const text = async (content: string): Promise<Buffer> =>
      await packed(file("manifest.json", content), rootfsEntry(disk));
    await refused(
      t,
      await text("{"),
      "its manifest.json is not JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    );
    await refused(
      t,
      await text("[]"),
      "its manifest.json is not valid: Invalid input: expected object, received array",
    );
    await refused(
      t,
      await text(JSON.stringify({ ...manifestOf(disk), version: 2 })),
      "its manifest.json is not valid: version: Invalid input: expected 1",
    );
    await refused(t, await text(" ".repeat(2 ** 20 + 1)), "its manifest.json has more than 1 MiB");
  });

  test("lies about the size or the content of its disk", async (t) => {
    const { rootfs } = manifestOf(disk);
    const lie = async (more: Partial<typeof rootfs>): Promise<Buffer> =>
      await packed(manifestEntry({ ...manifestOf(disk), rootfs: { ...rootfs, ...more } }), rootfsEntry(disk));
    await refused(
      t,
      await lie({ size: 30_000 }),
      "its rootfs.ext4 has 20000 bytes, its manifest.json says 30000",
    );
    const other = "0".repeat(64);
    await refused(
      t,
      await lie({ sha256: other }),
      `its rootfs.ext4 has SHA-256 ${sha256(disk)}, its manifest.json says ${other}`,
    );
  });

  test("has a disk that is no file system", async (t) => {
    const nothing = Buffer.alloc(20_000, 1);
    const bundle = await packed(manifestEntry(manifestOf(nothing)), rootfsEntry(nothing));
    await refused(t, bundle, "its rootfs.ext4 is no ext4 file system");
  });

  test("claims a disk that is larger than any", async (t) => {
    const { rootfs } = manifestOf(disk);
    const manifest = { ...manifestOf(disk), rootfs: { ...rootfs, size: 2 ** 50 } };
    const problem = "its root file system has 1024 TiB, over the limit of 256 GiB";
    await refused(t, await packed(manifestEntry(manifest)), problem);
  });

  test("goes on after its end without end", async (t) => {
    const zeros = zstdCompressSync(Buffer.alloc(12 * 2 ** 20));
    const bundle = Buffer.concat([await packed(good, rootfsEntry(disk)), zeros]);
    await refused(t, bundle, "it is longer than what its manifest.json describes");
    const early = Buffer.concat([zstdCompressSync(await pack(good)).subarray(0), zeros]);
    await rejectsWith(read(temporaryDirectory(t), early), "bundle_invalid");
  });

  test("is a bomb: more data than its own size can plausibly hold", async (t) => {
    const bomb = fakeExt4(Buffer.alloc(2 ** 20, 1));
    const bundle = await packed(manifestEntry(manifestOf(bomb)), rootfsEntry(bomb));
    const limits = { ...usualBundleLimits, plausible: 2 ** 18, ratio: 20 };
    await rejectsWith(
      read(temporaryDirectory(t), bundle, limits),
      "bundle_invalid",
      "the bundle cannot be used: it holds over 20 times its own size in data, which is not plausible",
    );
  });

  test("is cut off anywhere", async (t) => {
    const directory = temporaryDirectory(t);
    const bundle = await bundleOf(disk, join(directory, "in"));
    for (let length = 0; length < bundle.length; length += 7) {
      await rejectsWith(read(directory, bundle.subarray(0, length)), "archive_truncated");
    }
  });

  test("is no zstd data", async (t) => {
    const message = "the zstd data is not valid at byte 0: no frame starts here";
    const plain = await pack(good, rootfsEntry(disk));
    await rejectsWith(read(temporaryDirectory(t), plain), "archive_invalid", message);
  });
});

describe("a bundle that was changed anywhere", () => {
  test("is read as it was, or refused with an error of ours", async (t) => {
    const directory = temporaryDirectory(t);
    const bundle = await bundleOf(disk, join(directory, "in"));
    const change = fc.record({ at: fc.nat({ max: bundle.length - 1 }), to: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Buffer.from(bundle);
        for (const { at, to } of changes) damaged[at] = to;
        const outcome = await read(directory, damaged).catch((error: unknown) => error);
        assert.ok(outcome === undefined || isFault(outcome), String(outcome));
      }),
      { numRuns: 150 },
    );
  });

  test("inside its compression is refused with an error of ours, or has the disk that it names", async (t) => {
    const directory = temporaryDirectory(t);
    const tar = await pack(good, rootfsEntry(disk));
    const change = fc.record({ at: fc.nat({ max: tar.length - 1 }), to: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Buffer.from(tar);
        for (const { at, to } of changes) damaged[at] = to;
        const outcome = await read(directory, zstdCompressSync(damaged)).catch((error: unknown) => error);
        assert.ok(outcome === undefined || isFault(outcome), String(outcome));
      }),
      { numRuns: 150 },
    );
  });
});

test("reading a bundle stops when it is cancelled, also within a hole", async (t) => {
  const directory = temporaryDirectory(t);
  const size = 2 ** 37;
  const manifest = { ...manifestOf(disk), rootfs: { file: "rootfs.ext4", size, sha256: "0".repeat(64) } };
  const hole = { ...file("rootfs.ext4"), size, data: [], content: [] };
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  const bundle = await packed(manifestEntry(manifest), hole);
  await rejectsWith(read(directory, bundle, usualBundleLimits, abort.signal), "interrupted");
});
