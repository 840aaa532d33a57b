import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { imageOf, readEntry } from "../../../src/image/store/entry.ts";
import { type ImageManifest, imageManifestSchema, imageSchema } from "../../../src/model/image.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const id = "0123456789ab";
const manifest: ImageManifest = {
  version: 1,
  id,
  name: "debian",
  arch: "amd64",
  distro: "debian",
  kernel: "generic-6.1",
  rootfs: { file: "rootfs.ext4", size: 4, sha256: "0".repeat(64), mtime: 1000 },
  source: { kind: "debian", detail: "bookworm" },
  createdAt: "2026-01-01T00:00:00.000Z",
};

describe("readEntry", () => {
  test("gives the manifest of a good entry", async (t) => {
    const directory = store(t, JSON.stringify(manifest));
    const entry = await readEntry(directory, id);
    assert.deepEqual(entry?.content, { state: "good", manifest });
    assert.ok(entry && entry.used > 0);
    assert.deepEqual(imageOf(entry), { ...manifest, used: entry.used });
  });

  test("gives nothing for what has been deleted", async (t) => {
    assert.equal(await readEntry(temporaryDirectory(t), id), undefined);
  });

  test("takes the name from the manifest where the label is missing, and from the label where both are there", async (t) => {
    const directory = store(t, JSON.stringify(manifest));
    rmSync(join(directory, id, "name"));
    assert.equal((await readEntry(directory, id))?.content.state, "good");
    writeFileSync(join(directory, id, "name"), "ubuntu\n");
    const entry = await readEntry(directory, id);
    assert.equal(entry?.name, "ubuntu");
    assert.deepEqual(
      entry?.content.state === "broken" && entry.content.problem,
      'its manifest.json is that of the image "debian"',
    );
  });

  test("shows of a broken manifest what can be read", async (t) => {
    const directory = store(t, JSON.stringify({ ...manifest, kernel: 7, rootfs: { file: "x" } }));
    const entry = await readEntry(directory, id);
    assert.ok(entry);
    const { version, name, arch, distro, source, createdAt } = manifest;
    assert.deepEqual(imageOf(entry), {
      version,
      id,
      name,
      arch,
      distro,
      source,
      createdAt,
      used: entry.used,
      problem: "its manifest.json is not valid: kernel: Invalid input: expected string, received number",
    });
  });

  test("finds a word for any manifest, which the API can carry, and never calls a wrong one good", async (t) => {
    const directory = store(t, "");
    const path = join(directory, id, "manifest.json");
    const mutated = fc
      .tuple(fc.constantFrom(...Object.keys(manifest)), fc.jsonValue())
      .map(([key, value]) => JSON.stringify({ ...manifest, [key]: value }));
    const cut = fc
      .nat(JSON.stringify(manifest).length - 1)
      .map((end) => JSON.stringify(manifest).slice(0, end));
    const any = fc.oneof(mutated, cut, fc.json(), fc.string({ unit: "binary" }));
    await fc.assert(
      fc.asyncProperty(any, async (text) => {
        writeFileSync(path, text);
        const entry = await readEntry(directory, id);
        assert.ok(entry);
        imageSchema.parse(imageOf(entry));
        if (entry.content.state === "broken")
          assert.match(entry.content.problem, /^its manifest\.json |^its rootfs\.ext4 /);
        else assert.deepEqual(imageManifestSchema.parse(JSON.parse(text)), entry.content.manifest);
      }),
      { numRuns: 300 },
    );
  });
});

/** A store with one entry. */
function store(t: Parameters<typeof temporaryDirectory>[0], text: string): string {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, id));
  writeFileSync(join(directory, id, "manifest.json"), text);
  writeFileSync(join(directory, id, "name"), "debian\n");
  writeFileSync(join(directory, id, "rootfs.ext4"), "disk");
  return directory;
}
