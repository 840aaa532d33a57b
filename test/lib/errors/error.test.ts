import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { listed, show } from "../../../src/lib/errors/define.ts";
import {
  asFault,
  BangerError,
  errnoOf,
  fault,
  fromProblem,
  isFault,
  messageOf,
} from "../../../src/lib/errors/error.ts";

describe("fault", () => {
  test("fills in the row of the table", () => {
    const error = fault("image_not_found", { name: "debain", available: ["debian-bookworm"] });
    assert.ok(error instanceof BangerError);
    assert.equal(error.code, "image_not_found");
    assert.equal(error.message, 'image "debain" not found');
    assert.equal(error.remedy, "Use one of: debian-bookworm");
    assert.equal(error.exit, 1);
    assert.equal(error.status, 404);
    assert.deepEqual(error.params, { name: "debain", available: ["debian-bookworm"] });
  });

  test("takes an exit status that depends on the case from its parameters", () => {
    assert.equal(fault("exec_failed", { command: "x", reason: "not found", exit: 127 }).exit, 127);
    assert.equal(fault("exec_failed", { command: "x", reason: "a directory", exit: 126 }).exit, 126);
  });

  test("keeps the cause, and the messages of its whole chain", () => {
    const root = Object.assign(new Error("disk on fire"), { code: "EIO" });
    const middle = new Error("cannot read", { cause: root });
    const error = fault("internal", { detail: "x" }, middle);
    assert.equal(error.cause, middle);
    assert.deepEqual(error.causes, ["cannot read", "disk on fire"]);
  });

  test("has no cause when none was given", () => {
    const error = fault("vm_not_found", { ref: "a" });
    assert.ok(!("cause" in error));
    assert.deepEqual(error.causes, []);
  });

  test("ends a chain of causes that never ends", () => {
    const loop = new Error("round");
    loop.cause = loop;
    assert.equal(fault("internal", { detail: "x" }, loop).causes.length, 8);
  });
});

describe("a problem document", () => {
  test("survives the way through JSON", () => {
    const sent = fault("vm_name_taken", { name: "dev" }, new Error("UNIQUE constraint failed"));
    const received = fromProblem(JSON.parse(JSON.stringify(sent.toProblem())), sent.status);
    assert.equal(received.code, "vm_name_taken");
    assert.equal(received.message, 'a vm named "dev" exists already');
    assert.equal(received.remedy, sent.remedy);
    assert.equal(received.exit, 1);
    assert.equal(received.status, 409);
    assert.deepEqual(received.causes, ["UNIQUE constraint failed"]);
    assert.equal(sent.toProblem().doc, "docs/errors.md#vm_name_taken");
  });
});

test("asFault keeps our own errors and wraps others as internal", () => {
  const own = fault("vm_not_found", { ref: "a" });
  assert.equal(asFault(own), own);
  const other = new TypeError("x is undefined");
  const wrapped = asFault(other);
  assert.equal(wrapped.code, "internal");
  assert.equal(wrapped.message, "internal error: x is undefined");
  assert.equal(wrapped.cause, other);
  assert.equal(asFault("a string").message, "internal error: a string");
});

test("isFault asks for any of some codes", () => {
  const error = fault("vm_not_found", { ref: "a" });
  assert.ok(isFault(error));
  assert.ok(isFault(error, "image_not_found", "vm_not_found"));
  assert.ok(!isFault(error, "image_not_found"));
  assert.ok(!isFault(new Error("x"), "vm_not_found"));
});

test("errnoOf reads the code of system errors only", () => {
  assert.equal(errnoOf(Object.assign(new Error("x"), { code: "ENOENT" })), "ENOENT");
  assert.equal(errnoOf(new Error("x")), undefined);
  assert.equal(errnoOf({ code: "ENOENT" }), undefined);
  assert.equal(messageOf(undefined), "undefined");
});

describe("values in messages", () => {
  test("are quoted, escaped and cut", () => {
    assert.equal(show("a b"), '"a b"');
    assert.equal(show("a\n\u001b[31m"), '"a\\n\\u001b[31m"');
    assert.equal(show(7), '"7"');
    const long = show("x".repeat(500));
    assert.equal(long.length, 202);
    assert.ok(long.endsWith('…"'));
  });

  test("are listed as a person would", () => {
    assert.equal(listed([]), "none");
    assert.equal(listed([], "nothing"), "nothing");
    assert.equal(listed(["a"]), "a");
    assert.equal(listed(["a", "b"]), "a and b");
    assert.equal(listed(["a", "b", "c"]), "a, b and c");
  });
});
