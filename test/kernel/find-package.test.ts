import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findKernelPackage } from "../../src/kernel/find-package.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { rejectsWith } from "../support/faults.ts";
import { FakeArchive } from "./support/fake-archive.ts";

const source = { kind: "debian", suite: "bookworm", package: "linux-image-cloud-amd64" } as const;
const meta = source.package;

async function find(fill: (archive: FakeArchive) => void) {
  const archive = new FakeArchive("/nonexistent");
  fill(archive);
  const pkg = await findKernelPackage(archive, source, detachedContext());
  assert.deepEqual(archive.asked, ["select bookworm"]);
  return `${pkg.name} ${pkg.version}`;
}

describe("the package of a catalog kernel", () => {
  test("is what the newest metapackage depends on", async () => {
    const found = await find((archive) => {
      archive.add("bookworm", meta, "6.1.99-1", { depends: "linux-image-6.1.0-10-cloud-amd64 (= 6.1.99-1)" });
      archive.add("bookworm", meta, "6.1.192-2", {
        depends: "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)",
      });
      archive.add("bookworm", "linux-image-6.1.0-10-cloud-amd64", "6.1.99-1");
      archive.add("bookworm", "linux-image-6.1.0-56-cloud-amd64", "6.1.192-2");
      archive.add("bookworm", "linux-image-6.1.0-99-cloud-amd64", "6.1.200-1");
    });
    assert.equal(found, "linux-image-6.1.0-56-cloud-amd64 6.1.192-2");
  });

  test("has exactly the version that the metapackage names", async () => {
    const found = await find((archive) => {
      archive.add("bookworm", meta, "2", { depends: "kmod, linux-image-6.1-x (= 2)" });
      archive.add("bookworm", "linux-image-6.1-x", "1");
      archive.add("bookworm", "linux-image-6.1-x", "2");
      archive.add("bookworm", "linux-image-6.1-x", "3");
    });
    assert.equal(found, "linux-image-6.1-x 2");
  });

  test("is the newest when the metapackage names no version", async () => {
    const found = await find((archive) => {
      archive.add("bookworm", meta, "2", { depends: "linux-image-6.1-x" });
      archive.add("bookworm", "linux-image-6.1-x", "1.9");
      archive.add("bookworm", "linux-image-6.1-x", "1.10");
    });
    assert.equal(found, "linux-image-6.1-x 1.10");
  });

  for (const [what, fill, missing] of [
    ["there is no metapackage", () => undefined, meta],
    ["the metapackage depends on no kernel", { depends: "kmod" }, `linux-image of ${meta}`],
    ["the archive has another version only", { depends: "linux-image-6.1-x (= 3)" }, "linux-image-6.1-x 3"],
  ] as const) {
    test(`is missed by name when ${what}`, async () => {
      await rejectsWith(
        find((archive) => {
          archive.add("bookworm", "linux-image-6.1-x", "2");
          if (typeof fill === "object") archive.add("bookworm", meta, "1", fill);
        }),
        "archive_package_missing",
        `the archive has no package "${missing}" in bookworm`,
      );
    });
  }
});
