import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { writeExt4 } from "../../../src/image/ext4/writer.ts";
import { BangerError, isFault } from "../../../src/lib/errors/error.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { addEntry, checkImage, smallOptions, type TestEntry } from "./support/image.ts";

const bytes = fc.uint8Array({ maxLength: 30 }).map((raw) => Buffer.from(raw).toString("latin1"));
const part = fc.oneof(fc.constantFrom("a", "b", "..", ".", "", "lost+found", "\0"), bytes);
const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("/"));
const number = fc.oneof(
  fc.constantFrom(-1, 0, 255, 256, 4095, 4096, 65_535, 65_536, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 44, 2 ** 53),
  fc.maxSafeInteger(),
);
const attributeName = fc.oneof(
  fc.constantFrom(
    "system.posix_acl_access",
    "system.posix_acl_default",
    "security.capability",
    "user.",
    "system.data",
  ),
  bytes.map((rest) => `user.${rest}`),
  bytes,
);
const piece = fc.record({
  offset: number,
  data: fc.uint8Array({ maxLength: 5000 }).map((raw) => Buffer.from(raw)),
});
const entry: fc.Arbitrary<TestEntry> = fc.record({
  path,
  type: fc.constantFrom("file", "directory", "symlink", "hardlink", "fifo", "character", "block"),
  mode: fc.nat(0xffff),
  uid: number,
  gid: fc.constantFrom(0, 70_000),
  size: number,
  mtime: fc
    .tuple(fc.maxSafeInteger(), fc.nat(999_999_999))
    .map(([seconds, nanoseconds]) => ({ seconds, nanoseconds })),
  link: path,
  device: fc.tuple(number, number).map(([major, minor]) => ({ major, minor })),
  pieces: fc.array(piece, { maxLength: 3 }),
  xattrs: fc
    .array(
      fc.tuple(
        attributeName,
        fc.uint8Array({ maxLength: 5000 }).map((raw) => Buffer.from(raw)),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => Object.fromEntries(pairs)),
});

test("no entry makes anything but an error of ours or a clean image", async (context) => {
  const image = join(temporaryDirectory(context), "image");
  const outcomes = { clean: 0, refused: 0 };
  const before = fc.constantFrom<TestEntry[]>(
    [],
    [{ path: "a", type: "symlink", link: "../b" }],
    [{ path: "a/b" }],
  );
  await fc.assert(
    fc.asyncProperty(before, entry, async (first, given) => {
      try {
        await using writer = await writeExt4(smallOptions(image));
        for (const known of first) await addEntry(writer, known);
        await addEntry(writer, given);
        await writer.finish();
        outcomes.clean += 1;
        if (outcomes.clean % 4 === 0) checkImage(image);
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
        assert.ok(isFault(error, "root_filesystem_invalid", "archive_path_unsafe"), error.message);
        outcomes.refused += 1;
      }
      rmSync(image, { force: true });
    }),
    { numRuns: 250 },
  );
  assert.ok(outcomes.clean > 0 && outcomes.refused > 0);
});
