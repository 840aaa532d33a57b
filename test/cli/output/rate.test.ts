import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rate } from "../../../src/cli/output/rate.ts";

test("a rate is not known before there is something to go by", () => {
  const rate = new Rate();
  assert.equal(rate.perSecond(0), undefined);
  rate.note(0, 0);
  rate.note(100, 400);
  assert.equal(rate.perSecond(400), undefined);
  assert.equal(rate.perSecond(500), 200);
});

test("what was there at the beginning was not made in this time", () => {
  const rate = new Rate();
  rate.note(5000, 0);
  rate.note(5100, 1000);
  assert.equal(rate.perSecond(1000), 100);
});

test("only the last seconds count, and what stalls becomes slow", () => {
  const rate = new Rate();
  for (let second = 0; second <= 10; second += 1) rate.note(second * 1000, second * 1000);
  for (let second = 11; second <= 20; second += 1) rate.note(10_000 + (second - 10) * 10, second * 1000);
  assert.equal(rate.perSecond(20_000), 10);
  assert.equal(Math.round(rate.perSecond(26_000) ?? 0), 0);
});

test("what begins anew has a new rate", () => {
  const rate = new Rate();
  rate.note(9000, 0);
  rate.note(0, 1000);
  rate.note(50, 2000);
  assert.equal(rate.perSecond(2000), 50);
});

test("a rate is never below nothing nor above the fastest step", () => {
  const step = fc.record({ after: fc.integer({ min: 1, max: 2000 }), more: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const rate = new Rate();
      let [at, value, fastest] = [0, 0, 0];
      rate.note(0, 0);
      for (const { after, more } of steps) {
        at += after;
        value += more;
        fastest = Math.max(fastest, (more * 1000) / after);
        rate.note(value, at);
        const found = rate.perSecond(at) ?? 0;
        assert.ok(found >= 0 && found <= fastest + 1e-9, `${found} of ${fastest}`);
      }
    }),
    { numRuns: 100 },
  );
});
