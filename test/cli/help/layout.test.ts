import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { commands } from "../../../src/cli/commands.ts";
import { usageLine } from "../../../src/cli/help/usage.ts";
import { wrap } from "../../../src/cli/help/wrap.ts";

test("a usage line shows what is optional and what repeats", () => {
  const line = (name: string): string => {
    const found = commands.find(({ spec }) => spec.path.join(" ") === name);
    assert.ok(found);
    return usageLine(found.spec);
  };
  assert.equal(line("vm run"), "banger vm run [FLAGS] [PATH] [-- COMMAND...]");
  assert.equal(line("vm exec"), "banger vm exec [FLAGS] VM -- COMMAND...");
  assert.equal(line("vm show"), "banger vm show VM...");
  assert.equal(line("version"), "banger version");
});

test("a text is broken at its spaces, and no word is lost or broken", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("incomprehensible", 4), ["incomprehensible"]);
  const words = fc.array(fc.stringMatching(/^[a-z`-]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 60 }), (all, columns) => {
      const lines = wrap(all.join(" "), columns);
      assert.equal(lines.join(" "), all.join(" "));
      for (const line of lines) assert.ok(line.length <= columns || !line.includes(" "), line);
    }),
  );
});
