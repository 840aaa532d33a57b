import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseDepends, parsePackage } from "../../src/debian/package.ts";
import { throwsWith } from "../support/faults.ts";

const url = "http://mirror/Packages";
const hash = "cd".repeat(32);
const good = `Package: linux-image-cloud-amd64
Version: 6.1.192-2
Architecture: amd64
Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)
Filename: pool/main/l/x_6.1.deb
Size: 1504
SHA256: ${hash}`;

describe("a package of an index", () => {
  test("is found at its place on the mirror", () => {
    assert.deepEqual(parsePackage(good, "http://mirror/debian", url), {
      name: "linux-image-cloud-amd64",
      version: "6.1.192-2",
      architecture: "amd64",
      depends: "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)",
      url: "http://mirror/debian/pool/main/l/x_6.1.deb",
      size: 1504,
      sha256: hash,
    });
  });

  for (const [field, value] of [
    ["Version", ""],
    ["Version", "../../etc"],
    ["Architecture", "a/b"],
    ["Filename", ""],
    ["Filename", "/etc/passwd"],
    ["Filename", "pool/../../secret"],
    ["Filename", ".."],
    ["Filename", "pool/a b"],
    ["Filename", "pool/a?b"],
    ["Size", "many"],
    ["Size", "-5"],
    ["SHA256", hash.toUpperCase()],
    ["SHA256", hash.slice(1)],
  ] as const) {
    test(`is refused with ${field} ${JSON.stringify(value)}`, () => {
      const text = good.replace(new RegExp(`${field}:.*`), `${field}: ${value}`);
      throwsWith(
        () => parsePackage(text, "http://mirror/debian", url),
        "archive_malformed",
        `"${url}" cannot be understood: the ${field} of package "linux-image-cloud-amd64" is "${value}"`,
      );
    });
  }
});

describe("dependencies", () => {
  test("are lists of alternatives", () => {
    assert.deepEqual(parseDepends("kmod, linux-base (>= 4.3~), init (>= 1) | other:any, x (= 1:2-3)"), [
      [{ name: "kmod" }],
      [{ name: "linux-base" }],
      [{ name: "init" }, { name: "other" }],
      [{ name: "x", exactly: "1:2-3" }],
    ]);
  });

  test("of nothing are none", () => {
    assert.deepEqual(parseDepends(""), []);
    assert.deepEqual(parseDepends(" , "), []);
  });

  test("of any names and versions are read as written", () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,8}$/);
    const version = fc.stringMatching(/^[0-9][a-z0-9.+~-]{0,6}$/);
    const one = fc.record({ name, exactly: version }, { requiredKeys: ["name"] });
    fc.assert(
      fc.property(fc.array(fc.array(one, { minLength: 1 })), (clauses) => {
        const text = clauses
          .map((alternatives) =>
            alternatives.map((a) => (a.exactly ? `${a.name} (= ${a.exactly})` : a.name)).join(" | "),
          )
          .join(", ");
        assert.deepEqual(
          parseDepends(text),
          clauses.map((c) => c.map((a) => ({ ...a }))),
        );
      }),
    );
  });
});
