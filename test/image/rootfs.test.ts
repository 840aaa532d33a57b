import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TarMember } from "../../src/archive/tar/entry.ts";
import { memberOf } from "../../src/image/recipe/additions.ts";
import { type RootfsOptions, writeRootfs } from "../../src/image/rootfs.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { ImageReader } from "./ext4/support/reader.ts";
import { listening } from "./images.ts";

const mib = 2 ** 20;

describe("writeRootfs", () => {
  test("writes what comes by, and reports how much that was", async (t) => {
    const path = join(temporaryDirectory(t), "rootfs.ext4");
    const context = listening();
    const summary = await writeRootfs(
      members(["/etc/motd", "hello"], ["/bin/sh", "x".repeat(9 * mib)]),
      at(path),
      context,
    );
    assert.equal(summary.entries, 2);
    const found = new ImageReader(path).list();
    assert.equal(found.get("etc/motd")?.content?.toString(), "hello");
    assert.equal(found.get("bin/sh")?.size, 9 * mib);
    const total = 9 * mib + 5;
    assert.deepEqual(
      context.heard.map(({ stage, state, current, unit }) => ({ stage, state, current, unit })),
      [total, total].map((current) => ({ stage: "image.rootfs", state: "progress", current, unit: "bytes" })),
    );
  });

  test("gives the same identity the same bytes, and another one other identifiers", async (t) => {
    const directory = temporaryDirectory(t);
    const write = async (name: string, identity: string): Promise<Buffer> => {
      const path = join(directory, name);
      await writeRootfs(members(["/a", "b"]), { ...at(path), identity }, listening());
      return readFileSync(path);
    };
    const [one, same, other] = [await write("1", "x"), await write("2", "x"), await write("3", "y")];
    assert.ok(one.equals(same));
    // s_uuid of the superblock: 16 bytes at 0x68.
    const uuidOf = (image: Buffer): string => image.toString("hex", 1024 + 0x68, 1024 + 0x78);
    assert.notEqual(uuidOf(one), uuidOf(other));
    assert.match(uuidOf(one), /^.{12}8.{3}[89ab]/);
  });

  test("leaves nothing when what comes by ends in an error", async (t) => {
    const path = join(temporaryDirectory(t), "rootfs.ext4");
    const broken = async function* (): AsyncGenerator<TarMember> {
      yield* members(["/a", "b"]);
      throw fault("archive_truncated", { format: "tar", offset: 512, within: "in a header" });
    };
    await rejectsWith(writeRootfs(broken(), at(path), listening()), "archive_truncated");
    assert.ok(!existsSync(path));
  });

  test("says what did not fit", async (t) => {
    const path = join(temporaryDirectory(t), "rootfs.ext4");
    await rejectsWith(
      writeRootfs(members(["/big", "x".repeat(20 * mib)]), at(path), listening()),
      "root_filesystem_invalid",
      'the root file system cannot be made: "big" does not fit into 16 MiB',
    );
    assert.ok(!existsSync(path));
  });

  test("stops when nobody waits any more", async (t) => {
    const path = join(temporaryDirectory(t), "rootfs.ext4");
    const abort = new AbortController();
    const stopping = async function* (): AsyncGenerator<TarMember> {
      yield* members(["/a", "b"]);
      abort.abort();
      yield* members(["/big", "x".repeat(4 * mib)]);
    };
    await rejectsWith(writeRootfs(stopping(), at(path), listening(abort.signal)), "interrupted");
    assert.ok(!existsSync(path));
  });
});

function at(path: string): RootfsOptions {
  return { path, size: 16 * mib, journal: 4 * mib, identity: "test", time: 1_700_000_000 };
}

async function* members(...files: [path: string, content: string][]): AsyncGenerator<TarMember> {
  for (const [path, content] of files) yield memberOf({ path, mode: 0o644, content }, 1_700_000_000);
}
