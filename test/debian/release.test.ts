import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseRelease } from "../../src/debian/release.ts";
import { BangerError } from "../../src/lib/errors/error.ts";
import { throwsWith } from "../support/faults.ts";

const url = "http://mirror/dists/x/InRelease";
const hash = "ab".repeat(32);
const good = `Suite: oldstable
Codename: bookworm
Date: Sat, 21 Nov 2026 00:53:02 UTC
Valid-Until: Sat, 28 Nov 2026 00:53:02 UTC
Acquire-By-Hash: yes
MD5Sum:
 0123 5 main/x
SHA256:
 ${hash}  123 main/binary-amd64/Packages.xz
 ${hash} 0 main/empty
`;

describe("a release file", () => {
  test("says what a suite is and which index files it has", () => {
    assert.deepEqual(parseRelease(good, url), {
      url,
      suite: "oldstable",
      codename: "bookworm",
      date: new Date("2026-11-21T00:53:02Z"),
      validUntil: new Date("2026-11-28T00:53:02Z"),
      byHash: true,
      files: new Map([
        ["main/binary-amd64/Packages.xz", { size: 123, sha256: hash }],
        ["main/empty", { size: 0, sha256: hash }],
      ]),
    });
  });

  test("may be without a Valid-Until and without files by hash", () => {
    const release = parseRelease(good.replace(/Valid.*\n/, "").replace(/Acq.*\n/, ""), url);
    assert.equal(release.validUntil, undefined);
    assert.equal(release.byHash, false);
  });

  for (const [from, to, problem] of [
    [/Date: .*\n/, "", "it has no Date"],
    [/Date: .*/, "Date: yesterday", 'Date is "yesterday"'],
    [/Date: .*/, "Date: Sat, 21 Nov 2026 00:53:02 PST", 'Date is "Sat, 21 Nov 2026 00:53:02 PST"'],
    [/Date: .*/, "Date: Sat, 21 Foo 2026 00:53:02 UTC", 'Date is "Sat, 21 Foo 2026 00:53:02 UTC"'],
    [/Valid-Until: .*/, "Valid-Until: never", 'Valid-Until is "never"'],
    [/SHA256:[\s\S]*/, "", "it has no SHA256"],
    [/ 123 main/, " -1 main", `"${hash}  -1 main/binary-amd64/Packages.xz" is no hash, size and path`],
    [/ {2}123 main/, "0 123 main", `"${hash}0 123 main/binary-amd64/Packages.xz" is no hash, size and path`],
  ] as const) {
    test(`is refused when ${problem}`, () => {
      throwsWith(
        () => parseRelease(good.replace(from, to), url),
        "archive_malformed",
        `"${url}" cannot be understood: ${problem}`,
      );
    });
  }

  test("cut off anywhere is read or refused, nothing else", () => {
    fc.assert(
      fc.property(fc.nat(good.length), fc.string({ maxLength: 3 }), (at, junk) => {
        try {
          parseRelease(good.slice(0, at) + junk, url);
        } catch (error) {
          assert.ok(error instanceof BangerError && error.code === "archive_malformed");
        }
      }),
    );
  });
});
