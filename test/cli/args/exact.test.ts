import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { exactTail } from "../../../src/cli/args/exact.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const nul = Buffer.from([0]);

function commandLine(words: readonly Uint8Array[]): Buffer {
  return Buffer.concat(words.flatMap((word) => [Buffer.from(word), nul]));
}

test("words that are UTF-8 are taken as they are, without reading anything", () => {
  const never = (): Buffer => assert.fail("read");
  assert.deepEqual(exactTail(["a b", "", "ä\n"], never), [
    Buffer.from("a b"),
    Buffer.from(""),
    Buffer.from("ä\n"),
  ]);
  assert.deepEqual(exactTail([], never), []);
});

test("the bytes of any words come back from the command line", () => {
  const word = fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.map((byte) => byte || 0xff));
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (before, words) => {
      const decoded = words.map((bytes) => Buffer.from(bytes).toString());
      const all = (): Buffer => commandLine([Buffer.from("node"), ...before, ...words]);
      assert.deepEqual(
        exactTail(decoded, all).map((bytes) => [...bytes]),
        words.map((bytes) => [...bytes]),
      );
    }),
  );
});

test("a command line that is not the one of the words is not believed", () => {
  const replaced = "\uFFFD";
  const expected = [Buffer.from(replaced)];
  assert.deepEqual(
    exactTail([replaced], () => commandLine([Buffer.from("other")])),
    expected,
  );
  assert.deepEqual(
    exactTail([replaced], () => Buffer.alloc(0)),
    expected,
  );
});

test("a real process finds the bytes that it was given", (context) => {
  const folder = temporaryDirectory(context);
  const script = join(folder, "print.ts");
  const module = join(import.meta.dirname, "../../../src/cli/args/exact.ts");
  writeFileSync(
    script,
    `import { exactTail } from ${JSON.stringify(module)};
     for (const word of exactTail(process.argv.slice(3))) console.log(word.toString("hex"));`,
  );
  // A shell makes the bytes: spawn would encode a string as UTF-8.
  const { stdout } = spawnSync("sh", [
    "-c",
    `exec "$0" --no-warnings "$1" first "$(printf 'a\\377b')" '' "$(printf 'x\\ny')"`,
    process.execPath,
    script,
  ]);
  assert.equal(stdout.toString(), "61ff62\n\n780a79\n");
});
