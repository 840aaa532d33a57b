import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { remoteCommand } from "../../../src/cli/ssh/quote.ts";

test("plain words stay readable, others are quoted", () => {
  assert.equal(remoteCommand(["ls", "-l", "/srv"]), "ls -l /srv");
  assert.equal(remoteCommand(["sh", "-c", "exit 42"]), "sh -c 'exit 42'");
  assert.equal(remoteCommand(["echo", "it's", ""]), "echo 'it'\\''s' ''");
});

test("a shell gets the very words back", () => {
  const word = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0") && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      const { stdout } = spawnSync("sh", ["-c", `printf '%s\\0' ${remoteCommand(words)}`]);
      assert.deepEqual(stdout.toString().split("\0").slice(0, -1), words);
    }),
    { numRuns: 30 },
  );
});
