import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareVersions } from "../../src/debian/version.ts";

const dpkg = spawnSync("dpkg", ["--version"]).status === 0;

/** Each older than the next; equal ones on one line. */
const ascending = [
  ["0~~", "0~~-0"],
  ["0~~a"],
  ["0~"],
  ["0", "0-0", "00", "0:0"],
  ["0.1", "0.01", "0.1-0"],
  ["0.1-1"],
  ["0.9"],
  ["0.10"],
  ["1.0~rc1"],
  ["1.0"],
  ["1.0-1~bpo1"],
  ["1.0-1"],
  ["1.0-1.1"],
  ["1.0a"],
  ["1.0b"],
  ["1.0+b1"],
  ["1.0-a-1"],
  ["6.1.99-1"],
  ["6.1.176-1"],
  ["6.1.192-2"],
  ["6.12.117-1~deb12u1"],
  ["6.12.117-1"],
  ["99999999999999999998"],
  ["99999999999999999999"],
  ["1:0"],
  ["2:0"],
];

const version = fc
  .tuple(
    fc.option(fc.nat(3), { nil: undefined }),
    fc.string({ unit: fc.constantFrom(..."0019ab~+.-zA"), maxLength: 8 }),
  )
  .map(([epoch, rest]) => `${epoch === undefined ? "" : `${epoch}:`}1${rest.replace(/-+$/, "")}`);

describe("the order of versions", () => {
  test("is Debian's", () => {
    for (const [i, left] of ascending.entries()) {
      for (const [j, right] of ascending.entries()) {
        for (const a of left) {
          for (const b of right) {
            assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} and ${b}`);
          }
        }
      }
    }
  });

  test("is antisymmetric, and transitive", () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
        const sorted = [a, b, c].toSorted(compareVersions);
        assert.ok(compareVersions(sorted[0] ?? "", sorted[2] ?? "") <= 0);
      }),
    );
  });

  test("agrees with dpkg", { skip: dpkg ? false : "no dpkg on this host" }, () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const ours = Math.sign(compareVersions(a, b));
        const operator = ours < 0 ? "lt" : ours > 0 ? "gt" : "eq";
        const { status, stderr } = spawnSync("dpkg", ["--compare-versions", a, operator, b]);
        assert.equal(status, 0, `${a} ${operator} ${b} ${stderr}`);
      }),
      { numRuns: 80 },
    );
  });
});
