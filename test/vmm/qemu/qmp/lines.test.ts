import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineCutter } from "../../../../src/vmm/qemu/qmp/lines.ts";

test("lines come out when their end has come in", () => {
  const cutter = new LineCutter(100);
  assert.deepEqual(cutter.push(Buffer.from("one\r\ntw")), ["one"]);
  assert.deepEqual(cutter.push(Buffer.from("")), []);
  assert.deepEqual(cutter.push(Buffer.from("o\n\nthree\n")), ["two", "", "three"]);
});

test("a character that is cut in two comes out whole", () => {
  const cutter = new LineCutter(100);
  const bytes = Buffer.from("ü\n");
  assert.deepEqual(cutter.push(bytes.subarray(0, 1)), []);
  assert.deepEqual(cutter.push(bytes.subarray(1)), ["ü"]);
});

test("a line may be as long as the limit, and no longer, finished or not", () => {
  assert.deepEqual(new LineCutter(3).push(Buffer.from("abc\n")), ["abc"]);
  assert.equal(new LineCutter(3).push(Buffer.from("abcd\n")), undefined);
  const cutter = new LineCutter(3);
  assert.deepEqual(cutter.push(Buffer.from("ab")), []);
  assert.equal(cutter.push(Buffer.from("cd")), undefined);
});

test("the lines of a text are the same however it is cut", () => {
  const text = fc.array(fc.stringMatching(/^[a-zé€]{0,9}$/), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const cutter = new LineCutter(1000);
      const edges = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
        bytes.length,
      ];
      const out = edges
        .slice(1)
        .flatMap((end, index) => cutter.push(bytes.subarray(edges[index], end)) ?? []);
      assert.deepEqual(out, lines);
    }),
  );
});
