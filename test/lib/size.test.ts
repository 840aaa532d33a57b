import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BangerError } from "../../src/lib/errors/error.ts";
import { formatSize, parseSize } from "../../src/lib/size.ts";
import { throwsWith } from "../support/faults.ts";

describe("parseSize", () => {
  const good: [string, number][] = [
    ["512", 512 * 2 ** 20],
    ["512M", 512 * 2 ** 20],
    ["512m", 512 * 2 ** 20],
    ["512MiB", 512 * 2 ** 20],
    ["512MB", 512 * 2 ** 20],
    ["4G", 4 * 2 ** 30],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["4KiB", 4096],
    ["100b", 100],
    ["2T", 2 * 2 ** 40],
    [" 8 G ", 8 * 2 ** 30],
  ];
  for (const [text, bytes] of good) {
    test(`reads ${JSON.stringify(text)}`, () => assert.equal(parseSize("--memory", text), bytes));
  }

  for (const text of [
    "",
    "0",
    "0G",
    "-1",
    "G",
    "4X",
    "4GG",
    "1e3",
    "0x10",
    "4 4",
    "1.G",
    "99999999999999T",
    "NaN",
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      throwsWith(
        () => parseSize("--memory", text),
        "invalid_value",
        `--memory is ${JSON.stringify(text)}, expected a size such as 512M, 4G or 1.5GiB`,
      );
    });
  }

  test("never throws anything but its own error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          assert.ok(parseSize("x", text) >= 1);
        } catch (error) {
          assert.ok(error instanceof BangerError);
        }
      }),
    );
  });

  test("reads back what formatSize wrote of whole units", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1023 }), fc.constantFrom(0, 10, 20, 30, 40), (count, power) => {
        const bytes = count * 2 ** power;
        assert.equal(parseSize("x", formatSize(bytes)), bytes);
      }),
    );
  });
});

test("formatSize keeps to one decimal", () => {
  assert.equal(formatSize(0), "0 B");
  assert.equal(formatSize(1023), "1023 B");
  assert.equal(formatSize(1024), "1 KiB");
  assert.equal(formatSize(1536), "1.5 KiB");
  assert.equal(formatSize(2 ** 30 * 2.96), "3 GiB");
  assert.equal(formatSize(150.4 * 2 ** 20), "150 MiB");
  assert.equal(formatSize(3 * 2 ** 50), "3072 TiB");
});
