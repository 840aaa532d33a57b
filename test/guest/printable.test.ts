import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { printable } from "../../src/guest/printable.ts";

describe("text of the guest", () => {
  test("stays as it is where it is ordinary, in any language", () => {
    const text = "mount: /dev/vda: grüße 世界 🦦";
    assert.equal(printable(Buffer.from(text)), text);
  });

  test("loses its line ends and tabs", () => {
    assert.equal(printable(Buffer.from("a\n\tb\r\nc\n")), "a b c");
  });

  test("loses what turns the direction of writing, and bytes that are no text", () => {
    assert.equal(printable(Buffer.from("safe\u202Eexe.txt")), "safe\uFFFDexe.txt");
    assert.equal(printable(Buffer.from([0x61, 0xff, 0x62])), "a\uFFFDb");
  });

  test("is cut after a thousand characters, also where they take four bytes each", () => {
    assert.equal(printable(Buffer.from("🦦".repeat(5000))), `${"🦦".repeat(1000)}…`);
    assert.equal(printable(Buffer.from("a".repeat(1000))), "a".repeat(1000));
  });

  test("never holds what a terminal would act upon", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = printable(bytes);
        assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.ok(Array.from(text).length <= 1001);
      }),
    );
  });
});
