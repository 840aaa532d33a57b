import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LogFormat } from "../../../src/cli/output/log-format.ts";
import { styleFor } from "../../../src/cli/output/style.ts";
import { Capture } from "../world.ts";

const plain = styleFor(new Capture(), {});
const log = [
  '{"level":30,"time":"2026-01-01T00:00:00.000Z","pid":7,"socket":"/s","msg":"listening ä"}',
  '{"level":60,"msg":"it broke","causes":["why"]}',
  "Error: something that is not JSON \x1b[2J",
  '{"half',
  "",
].join("\n");
const expected = [
  '2026-01-01T00:00:00.000Z info  listening ä socket="/s"',
  'fatal it broke causes=["why"]',
  "Error: something that is not JSON \\x1b[2J",
  '{"half',
  "",
].join("\n");

test("lines of the daemon's log are made readable, others stay", () => {
  assert.equal(new LogFormat(plain).push(Buffer.from(log)), expected);
});

test("it does not matter how the bytes are cut", () => {
  const bytes = Buffer.from(log);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const format = new LogFormat(plain);
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
      assert.equal(pieces.map((piece) => format.push(piece)).join(""), expected);
    }),
  );
});

test("warnings and errors stand out on a terminal", () => {
  const style = styleFor(new Capture({ columns: 80, rows: 24 }), {});
  const line = new LogFormat(style).push(Buffer.from('{"level":50,"msg":"no"}\n'));
  assert.equal(line, "\x1b[31merror\x1b[39m no\n");
});
