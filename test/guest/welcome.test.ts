import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { encodeHello, readWelcome } from "../../src/guest/welcome.ts";
import { isFault } from "../../src/lib/errors/error.ts";
import { throwsWith } from "../support/faults.ts";
import { welcomePayload } from "./agent-double.ts";

describe("a welcome", () => {
  test("says what the agent and its guest are", () => {
    assert.deepEqual(readWelcome(welcomePayload({ phase: 1 })), {
      version: 2,
      build: "double",
      phase: "mounted",
      uptime: 1500,
      kernel: "6.1.0-test",
      bootId: "b0071d",
      agentStart: 250,
    });
  });

  test("of an agent without a common version names both ranges", () => {
    const newer = new FieldWriter().u32(1, 0).u32(2, 3).u32(3, 5).finish();
    throwsWith(
      () => readWelcome(newer),
      "guest_version",
      "the machine's agent speaks protocol 3 to 5, this banger speaks 1 to 2",
    );
    const next = new FieldWriter().u32(1, 0).u32(2, 3).u32(3, 3).finish();
    throwsWith(
      () => readWelcome(next),
      "guest_version",
      "the machine's agent speaks protocol 3, this banger speaks 1 to 2",
    );
  });

  test("is refused when it chooses a version that was not offered", () => {
    throwsWith(
      () => readWelcome(welcomePayload({ version: 7 })),
      "guest_protocol",
      "the guest broke the agent protocol: WELCOME that chooses version 7",
    );
  });

  test("is refused with a phase that does not exist", () => {
    throwsWith(
      () => readWelcome(welcomePayload({ phase: 3 })),
      "guest_protocol",
      "the guest broke the agent protocol: a guest in phase 3",
    );
  });

  test("is read or refused, whatever its bytes", () => {
    const mutated = fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => {
      const payload = welcomePayload();
      payload[at % payload.length] = byte;
      return payload;
    });
    const any = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, any), (payload) => {
        try {
          readWelcome(payload);
        } catch (error) {
          if (!isFault(error, "guest_protocol", "guest_version")) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("a hello offers the versions of this side and its name", () => {
  const fields = new Fields(encodeHello("banger 0.1.0"), "HELLO");
  assert.deepEqual([fields.u32(1), fields.u32(2), fields.text(3)], [1, 2, "banger 0.1.0"]);
});
