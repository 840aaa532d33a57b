import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { NameHasher } from "../../../src/image/ext4/hash.ts";
import { e2fsprogs, withoutE2fsprogs } from "./support/image.ts";

const uuid = "66656463-6261-3938-3736-353433323130";
const bytes = Buffer.from(uuid.replaceAll("-", ""), "hex");
const seed = Uint32Array.from([0, 4, 8, 12], (at) => bytes.readUInt32LE(at));

describe("the hash of a name", () => {
  test("known values, one and several passes long", () => {
    const hasher = new NameHasher(seed);
    assert.equal(hasher.hash("hello"), 0x6e3cb25c);
    assert.equal(hasher.hash("x".repeat(200)), 0xa8fdb8bc);
  });

  test("the lowest bit is left for the index", () => {
    const hasher = new NameHasher(seed);
    for (let index = 0; index < 500; index += 1) assert.equal(hasher.hash(`name-${index}`) % 2, 0);
  });

  test("the seed matters", () => {
    assert.notEqual(new NameHasher(seed).hash("a"), new NameHasher(new Uint32Array([1, 2, 3, 4])).hash("a"));
  });

  test("debugfs has the same for names of every length", { skip: withoutE2fsprogs }, () => {
    const names = Array.from({ length: 255 }, (_, index) =>
      "The-quick_brown.fox+".repeat(13).slice(0, index + 1),
    );
    const requests = names.map((name) => `dx_hash -h half_md4 -s ${uuid} ${name}\n`).join("");
    const { stdout } = spawnSync(e2fsprogs("debugfs") ?? "", ["-f", "-"], {
      input: requests,
      encoding: "utf8",
    });
    const theirs = [...stdout.matchAll(/^Hash of \S+ is (0x[0-9a-f]+)/gm)].map(([, hash]) => Number(hash));
    const hasher = new NameHasher(seed);
    assert.deepEqual(
      theirs,
      names.map((name) => hasher.hash(name)),
    );
  });
});
