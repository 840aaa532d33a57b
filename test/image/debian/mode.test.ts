import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseMode, hostLibc } from "../../../src/image/debian/mode.ts";

describe("chooseMode", () => {
  test("needs no privilege where the host's C library is as old as the tree's, or older", () => {
    for (const host of ["2.36", "2.35", "2.9", "1.99"]) {
      assert.equal(chooseMode(host, "2.36", 1000), "fakechroot", host);
      assert.equal(chooseMode(host, "2.36", 0), "fakechroot", host);
    }
  });

  test("takes real root, or the user's name space, where the host's is newer", () => {
    for (const host of ["2.37", "2.41", "2.100", "3.0"]) {
      assert.equal(chooseMode(host, "2.36", 0), "root", host);
      assert.equal(chooseMode(host, "2.36", 1000), "unshare", host);
    }
  });

  test("does not count on another C library", () => {
    assert.equal(chooseMode(undefined, "2.36", 1000), "unshare");
  });
});

test("hostLibc tells the version of the C library that runs here", () => {
  assert.match(hostLibc() ?? "", /^2\.\d+$/);
});
