import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { checkFreshness, hostChecksValidUntil } from "../../src/debian/freshness.ts";
import type { Release } from "../../src/debian/release.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const apt = spawnSync("apt-config", ["dump"]).status === 0;
const signal = new AbortController().signal;
const url = "http://mirror/dists/x/InRelease";
const release = (date: string, validUntil?: string): Release => ({
  url,
  suite: "x",
  codename: "x",
  date: new Date(date),
  validUntil: validUntil === undefined ? undefined : new Date(validUntil),
  byHash: true,
  files: new Map(),
});
const now = new Date("2026-11-23T12:00:00Z");

describe("a release file", () => {
  test("is good until its Valid-Until", () => {
    checkFreshness(release("2026-11-21T00:00:00Z", "2026-11-23T12:00:00Z"), now, true);
    checkFreshness(release("2020-01-01T00:00:00Z"), now, true);
  });

  test("past its Valid-Until is refused", () => {
    throwsWith(
      () => checkFreshness(release("2026-11-14T00:00:00Z", "2026-11-21T00:00:00Z"), now, true),
      "archive_release_expired",
      `the release file "${url}" expired on Sat, 21 Nov 2026 00:00:00 GMT`,
    );
  });

  test("past its Valid-Until is taken when that check is off", () => {
    checkFreshness(release("2026-11-14T00:00:00Z", "2026-11-21T00:00:00Z"), now, false);
  });

  test("of the future is refused, check or not, unless a time zone explains it", () => {
    checkFreshness(release("2026-11-24T02:00:00Z"), now, true);
    for (const check of [true, false]) {
      throwsWith(
        () => checkFreshness(release("2026-11-24T12:00:01Z"), now, check),
        "archive_release_in_future",
        `the release file "${url}" is of Tue, 24 Nov 2026 12:00:01 GMT, which is still to come`,
      );
    }
  });
});

describe("the host's apt", { skip: apt ? false : "no apt on this host" }, () => {
  for (const [value, checks] of [
    ["false", false],
    ["No", false],
    ["0", false],
    ["true", true],
    ["1", true],
  ] as const) {
    test(`is asked: Acquire::Check-Valid-Until "${value}" means ${checks}`, async (t) => {
      const config = join(temporaryDirectory(t), "apt.conf");
      writeFileSync(config, `Acquire::Check-Valid-Until "${value}";\nDir::Etc::parts "/nonexistent";\n`);
      const env = { PATH: process.env.PATH, APT_CONFIG: config };
      assert.equal(await hostChecksValidUntil(signal, env), checks);
    });
  }

  test("that is not there means that it is checked", async () => {
    assert.equal(await hostChecksValidUntil(signal, { PATH: "/nonexistent" }), true);
  });

  test("is not asked when the work is cancelled", async () => {
    await rejectsWith(hostChecksValidUntil(AbortSignal.abort()), "interrupted");
  });
});
