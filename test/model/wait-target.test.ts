import assert from "node:assert/strict";
import { test } from "node:test";
import { readWaitTarget } from "../../src/model/wait-target.ts";

test("a target is the agent, the system, a port or the end", () => {
  assert.deepEqual(readWaitTarget("agent"), { kind: "agent" });
  assert.deepEqual(readWaitTarget("system"), { kind: "system" });
  assert.deepEqual(readWaitTarget("exit"), { kind: "exit" });
  assert.deepEqual(readWaitTarget("port:8080"), { kind: "port", port: 8080 });
  assert.deepEqual(readWaitTarget("port:65535"), { kind: "port", port: 65_535 });
});

test("anything else is none", () => {
  for (const text of ["", "port", "port:", "port:0", "port:65536", "port:080", "port:1x", "Agent", "ssh"]) {
    assert.equal(readWaitTarget(text), undefined, text);
  }
});
