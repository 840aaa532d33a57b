import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { writeExt4 } from "../../../src/image/ext4/writer.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { addEntry, checkImage, smallOptions, type TestEntry } from "./support/image.ts";
import { ImageReader } from "./support/reader.ts";

/** What a path should be in the end; hard links share one object. */
interface Expected {
  entry: TestEntry;
}

const name = fc.constantFrom("a", "b", "c", "long".repeat(50), "\xff", " ");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const attributes = {
  path,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(0, 1000, 70_000, 2 ** 32 - 2),
  gid: fc.constantFrom(0, 65_536),
  mtime: fc
    .tuple(fc.integer({ min: -5, max: 2 ** 33 }), fc.nat(999_999_999))
    .map(([seconds, nanoseconds]) => ({ seconds, nanoseconds })),
  xattrs: fc.dictionary(
    fc.constantFrom("user.a", "user.b", "trusted.c", "security.d"),
    fc.string({ maxLength: 900 }),
    {
      maxKeys: 3,
    },
  ),
};
const entry: fc.Arbitrary<TestEntry> = fc.oneof(
  fc.record({ ...attributes, type: fc.constant("file" as const), content: content() }),
  fc.record({ ...attributes, type: fc.constant("directory" as const) }),
  fc.record({
    ...attributes,
    type: fc.constant("symlink" as const),
    link: fc.constantFrom("x", "y".repeat(60)),
  }),
  fc.record({ ...attributes, type: fc.constant("hardlink" as const), link: path }),
  fc.record({ ...attributes, type: fc.constant("fifo" as const) }),
);

function content(): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(0, 1, 4096, 5000, 40_000), fc.nat(255))
    .map(([size, fill]) => Buffer.alloc(size, fill));
}

test("any archive becomes what unpacking it would have made, and is clean", async (context) => {
  const directory = temporaryDirectory(context);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 40 }), async (entries) => {
      run += 1;
      const image = join(directory, `${run}`);
      const expected = new Map<string, Expected>();
      await using writer = await writeExt4(smallOptions(image));
      for (const given of entries) if (applies(expected, given)) await addEntry(writer, given);
      const summary = await writer.finish();
      checkImage(image);
      const found = new ImageReader(image).list();
      const objects = new Set(expected.values());
      assert.equal(summary.inodes, 11 + objects.size);
      assert.deepEqual([...found.keys()].sort(), ["", "lost+found", ...expected.keys()].sort());
      for (const [at, object] of expected) {
        const actual = found.get(at);
        assert.ok(actual);
        const { type, mode, uid, gid, mtime, link, xattrs, content: bytes } = object.entry;
        assert.deepEqual([actual.type, actual.mode, actual.uid, actual.gid], [type, mode, uid, gid]);
        if (mtime) assert.deepEqual(actual.mtime, mtime);
        assert.equal(actual.target, type === "symlink" ? link : undefined);
        if (type === "file") assert.deepEqual(actual.content, bytes);
        const values = Object.entries(xattrs ?? {}).map(([key, value]): [string, Buffer] => [
          key,
          Buffer.from(value),
        ]);
        assert.deepEqual(actual.xattrs, new Map(values));
        assert.equal(
          actual.links,
          type === "directory" ? 2 + subdirectories(expected, at) : names(expected, object),
        );
      }
    }),
    { numRuns: 40 },
  );
});

/** Changes the expectation as unpacking the entry would change a disk; false when it could not be unpacked. */
function applies(expected: Map<string, Expected>, given: TestEntry): boolean {
  const parts = given.path.split("/");
  const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
  if (parents.some((parent) => (expected.get(parent)?.entry.type ?? "directory") !== "directory"))
    return false;
  const linked = given.type === "hardlink" ? expected.get(given.link ?? "") : undefined;
  if (given.type === "hardlink" && (!linked || linked.entry.type === "directory")) return false;
  for (const parent of parents) {
    if (!expected.has(parent)) expected.set(parent, { entry: madeParent(parent) });
  }
  const present = expected.get(given.path);
  if (present?.entry.type === "directory" && given.type === "directory") {
    expected.set(given.path, { entry: given });
    return true;
  }
  for (const at of expected.keys()) if (at.startsWith(`${given.path}/`)) expected.delete(at);
  expected.set(given.path, linked ?? { entry: given });
  return true;
}

function madeParent(at: string): TestEntry {
  return {
    path: at,
    type: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: { seconds: 1_700_000_000, nanoseconds: 0 },
  };
}

function subdirectories(expected: Map<string, Expected>, at: string): number {
  return [...expected].filter(
    ([
      path,
      {
        entry: { type },
      },
    ]) => type === "directory" && path.startsWith(`${at}/`) && !path.slice(at.length + 1).includes("/"),
  ).length;
}

function names(expected: Map<string, Expected>, object: Expected): number {
  return [...expected.values()].filter((other) => other === object).length;
}
