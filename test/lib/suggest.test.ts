import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { suggest } from "../../src/lib/suggest.ts";

const commands = ["run", "create", "list", "show", "start", "stop", "restart", "delete"];

test("a slip of the finger finds the word that was meant", () => {
  assert.equal(suggest("lsit", commands), "list");
  assert.equal(suggest("strat", commands), "start");
  assert.equal(suggest("stpo", commands), "stop");
  assert.equal(suggest("DELETE", commands), "delete");
  assert.equal(suggest("retsart", commands), "restart");
});

test("a word that is far from all finds none", () => {
  assert.equal(suggest("frobnicate", commands), undefined);
  assert.equal(suggest("x", []), undefined);
});

test("an exact word is its own suggestion, and a swap of neighbours is always forgiven", () => {
  fc.assert(
    fc.property(fc.constantFrom(...commands), fc.nat(20), (word, where) => {
      assert.equal(suggest(word, commands), word);
      const i = where % (word.length - 1);
      const swapped = `${word.slice(0, i)}${word[i + 1]}${word[i]}${word.slice(i + 2)}`;
      assert.ok(suggest(swapped, [word]) === word);
    }),
  );
});
