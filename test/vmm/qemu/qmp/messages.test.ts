import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseMessage } from "../../../../src/vmm/qemu/qmp/messages.ts";
import { greeting } from "./double.ts";

test("every kind of message is told from the others", () => {
  assert.deepEqual(parseMessage(JSON.stringify(greeting)), { kind: "greeting", version: "7.2.22" });
  assert.deepEqual(parseMessage('{"return": {"a": [1]}, "id": 7}'), {
    kind: "return",
    id: 7,
    value: { a: [1] },
  });
  assert.deepEqual(parseMessage('{"error": {"class": "GenericError", "desc": "no"}, "id": 7}'), {
    kind: "error",
    id: 7,
    reason: "GenericError: no",
  });
  assert.deepEqual(parseMessage('{"error": {"class": "GenericError", "desc": "no"}}'), {
    kind: "error",
    id: undefined,
    reason: "GenericError: no",
  });
  const event =
    '{"event": "SHUTDOWN", "data": {"guest": true}, "timestamp": {"seconds": 1, "microseconds": 2}}';
  assert.deepEqual(parseMessage(event), {
    kind: "event",
    name: "SHUTDOWN",
    data: { guest: true },
    at: 1000.002,
  });
});

test("what is none of them is nothing", () => {
  for (const line of ["", "{", "[]", "1", "{}", '{"id":1}', '{"return":{}}', '{"event":1}', '{"QMP":{}}']) {
    assert.equal(parseMessage(line), undefined, line);
  }
});

test("nothing that can be sent makes the parser throw", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
      const message = parseMessage(line);
      assert.ok(message === undefined || typeof message.kind === "string");
    }),
  );
});
