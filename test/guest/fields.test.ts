import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { isFault } from "../../src/lib/errors/error.ts";
import { throwsWith } from "../support/faults.ts";

const tag = fc.nat(0xffff);

describe("fields", () => {
  test("have the bytes that the protocol's document gives", () => {
    const payload = new FieldWriter().u32(1, 7).text(0x0203, "ab").u64(4, 5n).finish();
    assert.equal(
      payload.toString("hex"),
      `01000000040000000700000003020000020000006162040000000800000005${"00".repeat(7)}`,
    );
  });

  test("read as they were written, in any number", () => {
    const values = fc.uniqueArray(fc.tuple(tag, fc.uint8Array({ maxLength: 50 })), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(values, (written) => {
        const writer = new FieldWriter();
        for (const [key, value] of written) writer.bytes(key, value);
        const payload = writer.finish();
        assert.equal(writer.size, payload.length);
        const fields = new Fields(payload, "RESULT");
        for (const [key, value] of written) assert.deepEqual(fields.bytes(key), Buffer.from(value));
      }),
    );
  });

  test("keep numbers of every size", () => {
    const u32 = fc.nat(0xffff_ffff);
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(u32, u64, (small, large) => {
        const fields = new Fields(new FieldWriter().u32(1, small).u64(2, large).finish(), "RESULT");
        assert.equal(fields.requireU32(1), small);
        assert.equal(fields.requireU64(2), large);
      }),
    );
  });

  test("that are unknown are skipped, and of a repeated one the last counts", () => {
    const payload = new FieldWriter().text(900, "new").u32(1, 1).u32(1, 2).finish();
    assert.equal(new Fields(payload, "EXIT").u32(1), 2);
  });

  test("that are absent are undefined, and are not written", () => {
    const payload = new FieldWriter().u32(1, undefined).text(2, undefined).finish();
    assert.equal(payload.length, 0);
    const fields = new Fields(payload, "EXIT");
    assert.deepEqual(
      [fields.bytes(1), fields.text(1), fields.u32(1), fields.u64(1)],
      new Array(4).fill(undefined),
    );
  });

  test("of text are made safe to print", () => {
    const payload = new FieldWriter().text(2, "\u001b[2Jgone").finish();
    assert.equal(new Fields(payload, "RESULT").requireText(2), "\uFFFD[2Jgone");
  });
});

describe("fields are refused", () => {
  const whole = new FieldWriter().u32(1, 7).finish();
  const long = Buffer.from(whole);
  long.writeUInt32LE(0xffff_fff0, 4);
  const odd = Buffer.from(whole);
  odd[2] = 1;
  const cases: [string, () => unknown, string][] = [
    ["that run past their payload", () => new Fields(long, "EXIT"), "EXIT whose field 1 runs past it"],
    [
      "that end inside their header",
      () => new Fields(Buffer.concat([whole, whole.subarray(0, 7)]), "EXIT"),
      "EXIT that ends inside a field",
    ],
    ["with something where zero must be", () => new Fields(odd, "EVENT"), "EVENT with a malformed field 1"],
    [
      "of three bytes for a number",
      () => new Fields(new FieldWriter().text(1, "abc").finish(), "EXIT").u32(1),
      "EXIT whose field 1 has 3 bytes instead of 4",
    ],
    [
      "of four bytes for a long number",
      () => new Fields(whole, "RESULT").requireU64(1),
      "RESULT whose field 1 has 4 bytes instead of 8",
    ],
    ["when a number is missing", () => new Fields(whole, "RESULT").requireU32(20), "RESULT without field 20"],
    ["when a text is missing", () => new Fields(whole, "RESULT").requireText(85), "RESULT without field 85"],
  ];
  for (const [title, work, problem] of cases) {
    test(title, () => {
      throwsWith(work, "guest_protocol", `the guest broke the agent protocol: ${problem}`);
    });
  }

  test("or read, whatever their bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), tag, (bytes, key) => {
        try {
          const fields = new Fields(Buffer.from(bytes), "RESULT");
          fields.text(key);
          fields.u32(key);
        } catch (error) {
          if (!isFault(error, "guest_protocol")) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
