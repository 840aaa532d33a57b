import assert from "node:assert/strict";
import { test } from "node:test";
import { printError } from "../../../src/cli/output/error.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { Capture } from "../world.ts";

test("an error is a small tree of its message, causes and hint", () => {
  const stream = new Capture();
  const deep = new Error("connect ENOENT", { cause: new Error("deeper") });
  printError(stream, fault("daemon_not_running", { socket: "/s" }, deep), { json: false, env: {} });
  assert.equal(
    stream.text,
    [
      'error: no daemon is running at "/s"',
      "├▶ cause: connect ENOENT",
      "├▶ cause: deeper",
      "╰▶ hint: Nothing to do: the next command starts it (docs/errors.md#daemon_not_running)",
      "",
    ].join("\n"),
  );
});

test("a cause that only repeats what stands above it is left out", () => {
  const stream = new Capture();
  const error = fault("internal", { detail: "it broke" }, new Error("it broke"));
  printError(stream, error, { json: false, env: {} });
  assert.doesNotMatch(stream.text, /cause/);
});

test("what was cancelled was cancelled by the user, and needs no causes", () => {
  const stream = new Capture();
  printError(stream, fault("interrupted", { what: "it" }, new Error("abort")), { json: false, env: {} });
  assert.match(stream.text, /^error: it was cancelled\n╰▶ hint: /);
});

test("several lines stay within the tree, and nothing steers the terminal", () => {
  const stream = new Capture();
  printError(stream, fault("internal", { detail: "one\ntwo\x1b[2J" }), { json: false, env: {} });
  assert.match(stream.text, /^error: internal error: one\n {3}two\\x1b\[2J\n╰▶ hint: /);
});

test("on a terminal the word error stands out", () => {
  const stream = new Capture({ columns: 80, rows: 24 });
  printError(stream, fault("vm_not_found", { ref: "dev" }), { json: false, env: {} });
  assert.ok(
    stream.text.startsWith('\x1b[1m\x1b[31merror:\x1b[39m\x1b[22m vm "dev" not found\n'),
    stream.text,
  );
});

test("as JSON it is one line with all that the API would tell", () => {
  const stream = new Capture();
  const error = fault("vm_not_found", { ref: "dev" }, new Error("why"));
  printError(stream, error, { json: true, env: {} }, { target: "dev" });
  assert.equal(stream.text.split("\n").length, 2);
  assert.deepEqual(JSON.parse(stream.text), {
    target: "dev",
    code: "vm_not_found",
    message: 'vm "dev" not found',
    remedy: "See `banger vm list`",
    exit: 1,
    doc: "docs/errors.md#vm_not_found",
    causes: ["why"],
  });
});
