import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readOperand } from "../../../src/cli/copy/operand.ts";
import { throwsWith } from "../../support/faults.ts";

test("a colon before any slash makes it a machine's", () => {
  assert.deepEqual(readOperand("-"), { kind: "stream" });
  assert.deepEqual(readOperand("dev:/srv/a:b"), { kind: "machine", vm: "dev", path: "/srv/a:b" });
  assert.deepEqual(readOperand("dev:/new\nline"), { kind: "machine", vm: "dev", path: "/new\nline" });
  for (const path of ["a", "./a:b", "/a:b", "a/b:c", "..", ":/x", "-a"]) {
    assert.deepEqual(readOperand(path), { kind: "host", path });
  }
});

test("what names nothing, or no absolute path, is refused", () => {
  throwsWith(() => readOperand(""), "bad_usage", "an empty path names nothing");
  throwsWith(
    () => readOperand("dev:srv"),
    "bad_usage",
    "a path in a machine begins with a slash: dev:/srv; for a file of this host write ./dev:srv",
  );
});

test("every path of this host can be said", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (path) => {
      assert.deepEqual(readOperand(`./${path}`), { kind: "host", path: `./${path}` });
      assert.deepEqual(readOperand(`dev:/${path}`), { kind: "machine", vm: "dev", path: `/${path}` });
    }),
  );
});
