import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { imageCatalog } from "../../src/image/catalog.ts";
import { checkImageName, isIdPrefix } from "../../src/image/reference.ts";
import { BangerError } from "../../src/lib/errors/error.ts";
import { imageCatalogEntrySchema } from "../../src/model/image.ts";
import { throwsWith } from "../support/faults.ts";

describe("checkImageName", () => {
  for (const name of [
    "debian-bookworm",
    "ubuntu:24.04",
    "ghcr.io/owner/image:v1.2_3",
    "localhost:5000/a@sha256:abc",
    "A",
    "x".repeat(255),
  ]) {
    test(`takes ${name.slice(0, 40)}`, () => {
      assert.equal(checkImageName(name), name);
    });
  }

  test("says what a name may be", () => {
    throwsWith(
      () => checkImageName("../etc"),
      "invalid_value",
      'the image name is "../etc", expected letters and digits with . - _ / : @ between them, such as debian-bookworm',
    );
  });

  test("takes no name that could be a path out of a directory, an option or a hidden file", () => {
    const character = fc.constantFrom("a", "Z", "0", ".", "-", "_", "/", ":", "@", " ", "\n", "\0", "é");
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (name) => {
        let taken = true;
        try {
          checkImageName(name);
        } catch (error) {
          assert.ok(error instanceof BangerError);
          taken = false;
        }
        const parts = name.split("/");
        const isBad = parts.some(
          (part) => part === "" || /^[^A-Za-z0-9]/.test(part) || /[^\w.:@-]/.test(part),
        );
        assert.equal(taken, !isBad);
      }),
      { numRuns: 500 },
    );
  });
});

test("an id is named by three to twelve of its digits", () => {
  for (const ref of ["abc", "0123456789ab"]) assert.ok(isIdPrefix(ref), ref);
  for (const ref of ["ab", "0123456789abc", "abg", "ABC", ""]) assert.ok(!isIdPrefix(ref), ref);
});

describe("the catalog", () => {
  test("has valid entries with names of their own, which are no ids", () => {
    for (const entry of imageCatalog) {
      imageCatalogEntrySchema.parse(entry);
      checkImageName(entry.name);
      assert.ok(!isIdPrefix(entry.name));
    }
    assert.equal(new Set(imageCatalog.map((entry) => entry.name)).size, imageCatalog.length);
  });
});
