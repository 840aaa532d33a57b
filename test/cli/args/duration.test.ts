import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseDuration } from "../../../src/cli/args/duration.ts";
import { parseJobId } from "../../../src/cli/args/job-id.ts";
import { isFault } from "../../../src/lib/errors/error.ts";
import { throwsWith } from "../../support/faults.ts";

describe("a time", () => {
  test("has a unit, or is seconds", () => {
    const times = ["90", "90s", "1.5m", "500ms", "2h", "1d", "0.001"].map((text) =>
      parseDuration("--timeout", text),
    );
    assert.deepEqual(times, [90_000, 90_000, 90_000, 500, 7_200_000, 86_400_000, 1]);
  });

  test("that is none, or too long, is named", () => {
    for (const text of ["", "0", "5 s", "-1", "1w", "50d", "1e3", "٣", "1.2345s"]) {
      throwsWith(
        () => parseDuration("--timeout", text),
        "invalid_value",
        `--timeout is ${JSON.stringify(text)}, expected a time such as 90s, 1.5m or 2h, of at most 49 days`,
      );
    }
  });

  test("is a number of milliseconds or an error, whatever was written", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,6}[smhd]{0,2}$/)), (text) => {
        try {
          const ms = parseDuration("--timeout", text);
          assert.ok(Number.isInteger(ms) && ms >= 1 && ms <= 0xffff_ffff);
        } catch (error) {
          assert.ok(isFault(error, "invalid_value"));
        }
      }),
    );
  });
});

test("the number of a detached command is a whole number from 1", () => {
  assert.equal(parseJobId("12"), 12);
  for (const text of ["0", "x", "-1", "1.5", "", "12345678901"]) {
    throwsWith(
      () => parseJobId(text),
      "invalid_value",
      `ID is ${JSON.stringify(text)}, expected the number of a detached command`,
    );
  }
});
