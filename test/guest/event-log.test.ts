import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EventLog } from "../../src/guest/event-log.ts";
import { FieldWriter } from "../../src/guest/fields.ts";
import { throwsWith } from "../support/faults.ts";

describe("the log of an agent", () => {
  test("comes line by line, safe to print", () => {
    const { log, lines } = setUp();
    log.receive(line("mounted /dev/vda"));
    log.receive(line("bell \u0007"));
    assert.deepEqual(lines, ["mounted /dev/vda", "bell \uFFFD"]);
  });

  test("is dropped beyond a thousand lines in a second, and goes on in the next", () => {
    const { log, lines, clock } = setUp();
    for (let i = 0; i < 5000; i += 1) log.receive(line(`${i}`));
    assert.equal(lines.length, 1000);
    clock.now += 999;
    log.receive(line("late"));
    assert.equal(lines.length, 1000);
    clock.now += 1;
    log.receive(line("next"));
    assert.deepEqual(lines.slice(1000), ["next"]);
  });

  test("does not even read what it drops", () => {
    const { log } = setUp();
    for (let i = 0; i < 1000; i += 1) log.receive(line(`${i}`));
    log.receive(Buffer.from("no field"));
  });

  test("has no place for events of kinds that came later", () => {
    const { log, lines } = setUp();
    log.receive(new FieldWriter().u32(1, 77).text(2, "new").finish());
    log.receive(new FieldWriter().u32(1, 1).finish());
    assert.deepEqual(lines, []);
  });

  test("breaks the protocol with an event that has no kind", () => {
    const { log } = setUp();
    throwsWith(
      () => log.receive(new FieldWriter().text(2, "what").finish()),
      "guest_protocol",
      "the guest broke the agent protocol: EVENT without field 1",
    );
  });
});

function setUp() {
  const lines: string[] = [];
  const clock = { now: 12_345 };
  return {
    lines,
    clock,
    log: new EventLog(
      (text) => lines.push(text),
      () => clock.now,
    ),
  };
}

function line(text: string): Buffer {
  return new FieldWriter().u32(1, 1).text(2, text).finish();
}
