import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { kernelCatalog } from "../../src/kernel/catalog.ts";
import { checkKernelName, isKernelName } from "../../src/kernel/name.ts";
import { kernelCatalogEntrySchema } from "../../src/model/kernel.ts";
import { throwsWith } from "../support/faults.ts";

describe("the name of a kernel", () => {
  test("has letters, digits, dots, hyphens and underscores", () => {
    for (const name of ["generic-6.1", "a", "A_b-1.2.3", "0", "x".repeat(64)]) {
      assert.equal(checkKernelName(name), name);
    }
  });

  for (const name of [
    "",
    ".",
    "..",
    "a/b",
    "../a",
    "/a",
    ".hidden",
    "-a",
    "_a",
    "a b",
    "a\n",
    "ä",
    "x".repeat(65),
  ]) {
    test(`is not ${JSON.stringify(name)}`, () => {
      throwsWith(
        () => checkKernelName(name),
        "invalid_value",
        `the name of the kernel is ${JSON.stringify(name)}, expected 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit`,
      );
    });
  }

  test("never leads out of its directory", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."a./\\\0-_ ~") }), (name) => {
        if (isKernelName(name)) assert.ok(!name.includes("/") && !name.startsWith("."));
      }),
    );
  });
});

describe("the kernel catalog", () => {
  test("has Debian's cloud kernels of two releases", () => {
    assert.deepEqual(
      kernelCatalog.map(({ name, source }) => `${name} ${source.suite} ${source.package}`),
      ["generic-6.1 bookworm linux-image-cloud-amd64", "generic-6.12 trixie linux-image-cloud-amd64"],
    );
  });

  test("has valid entries with names that are valid and their own", () => {
    for (const entry of kernelCatalog) {
      kernelCatalogEntrySchema.parse(entry);
      checkKernelName(entry.name);
    }
    assert.equal(new Set(kernelCatalog.map(({ name }) => name)).size, kernelCatalog.length);
  });
});
