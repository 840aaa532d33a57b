import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDnsLabel, randomName } from "../../src/lib/names.ts";

describe("isDnsLabel", () => {
  for (const name of ["a", "0", "dev", "a-b", "a--b", "x".repeat(63)]) {
    test(`accepts ${name}`, () => assert.ok(isDnsLabel(name)));
  }
  for (const name of ["", "-a", "a-", "A", "a_b", "a.b", "ä", "a b", "a\n", "x".repeat(64)]) {
    test(`refuses ${JSON.stringify(name)}`, () => assert.ok(!isDnsLabel(name)));
  }
});

describe("randomName", () => {
  test("is a label of two words", () => {
    for (let i = 0; i < 200; i += 1) {
      const name = randomName(() => false);
      assert.match(name, /^[a-z]+-[a-z]+$/);
      assert.ok(isDnsLabel(name));
    }
  });

  test("avoids the names that are taken, in the end with a number", () => {
    const name = randomName((candidate) => !/\d/.test(candidate));
    assert.match(name, /^[a-z]+-[a-z]+-\d{4,6}$/);
  });
});
