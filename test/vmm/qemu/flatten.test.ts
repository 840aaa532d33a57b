import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Progress } from "../../../src/lib/context.ts";
import { createOverlay } from "../../../src/vmm/qemu/disk.ts";
import { flattenDisk } from "../../../src/vmm/qemu/flatten.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const mib = 2 ** 20;
const hasTool = existsSync("/usr/bin/qemu-img");

describe("flattening a disk", { skip: !hasTool && "qemu-img is missing" }, () => {
  test("gives what all its layers hold as one sparse file, and says how far it is", async (t) => {
    const directory = temporaryDirectory(t);
    const base = join(directory, "base");
    writeFileSync(base, "at the front");
    truncateSync(base, 16 * mib);
    const first = await createOverlay({ directory, base, size: 32 * mib });
    execFileSync("qemu-io", ["-f", "qcow2", "-c", "write -P 0x41 8M 4k", first.path]);
    const second = await createOverlay({ directory, base: first, size: 32 * mib, name: "seal" });
    execFileSync("qemu-io", ["-f", "qcow2", "-c", "write -P 0x42 24M 4k", second.path]);
    const target = join(directory, "flat");
    const heard: Progress[] = [];
    const context = { signal: new AbortController().signal, report: (one: Progress) => void heard.push(one) };
    await flattenDisk({ disk: second, size: 32 * mib, target }, context);
    const content = readFileSync(target);
    assert.equal(content.length, 32 * mib);
    assert.equal(content.toString("latin1", 0, 12), "at the front");
    assert.ok(content.subarray(8 * mib, 8 * mib + 4096).every((byte) => byte === 0x41));
    assert.ok(content.subarray(24 * mib, 24 * mib + 4096).every((byte) => byte === 0x42));
    assert.ok(statSync(target).blocks * 512 < mib, "it is sparse");
    assert.ok(heard.length > 0);
    assert.deepEqual(heard.at(-1), {
      stage: "disk.flatten",
      state: "progress",
      message: "writing the root file system",
      current: 32 * mib,
      total: 32 * mib,
      unit: "bytes",
    });
  });

  test("ends when it is cancelled", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = { path: join(directory, "raw"), format: "raw" as const };
    writeSync(openSync(disk.path, "w"), "x");
    const work = { disk, size: 1, target: join(directory, "flat") };
    await rejectsWith(
      flattenDisk(work, { signal: AbortSignal.abort(), report: () => undefined }),
      "interrupted",
    );
  });

  test("says when there is no disk", async (t) => {
    const directory = temporaryDirectory(t);
    const disk = { path: join(directory, "gone"), format: "qcow2" as const };
    const context = { signal: new AbortController().signal, report: () => undefined };
    await rejectsWith(
      flattenDisk({ disk, size: 1, target: join(directory, "flat") }, context),
      "tool_failed",
    );
  });
});
