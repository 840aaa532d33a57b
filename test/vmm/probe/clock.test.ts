import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type ClockSample, tscFrequency } from "../../../src/vmm/probe/clock.ts";

const timerRate = 1_193_182;

/** What a guest would read at these moments (seconds), were its counter as fast as `hertz`. */
function readings(
  hertz: number,
  moments: readonly number[],
  start = { tsc: 12_345n, timer: 50_000 },
): ClockSample[] {
  return moments.map((second) => {
    const fallen = Math.round(second * timerRate) % 65536;
    return {
      tsc: start.tsc + BigInt(Math.round(second * hertz)),
      timer: (start.timer - fallen + 65536) % 65536,
    };
  });
}

const usual = [0, 0.02, 0.04, 0.06, 0.08, 0.1];

describe("the frequency of the time stamp counter", () => {
  test("comes out of samples 20 ms apart to 20 ppm", () => {
    const frequency = tscFrequency(readings(2_596_130_000, usual));
    assert.ok(frequency !== undefined && Math.abs(frequency / 2_596_130 - 1) < 20e-6, String(frequency));
  });

  test("comes out of what a real guest read", () => {
    const samples = [
      { tsc: 0xf08820n, timer: 0xffdd },
      { tsc: 0x40ab5c4n, timer: 0xa26c },
      { tsc: 0x77ac62an, timer: 0x3ae0 },
      { tsc: 0xb0c6672n, timer: 0xcf62 },
      { tsc: 0xe3002d6n, timer: 0x70d5 },
      { tsc: 0x117972e8n, timer: 0x0dd5 },
    ];
    assert.equal(tscFrequency(samples), 2_596_150);
  });

  test("survives that the guest was held up, whenever and for how long that was", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 800_000_000, max: 5_500_000_000 }),
        fc.integer({ min: 0, max: 65535 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 400 }),
        (hertz, timer, place, delay) => {
          const moments = usual.map((moment, index) => moment + (index >= place ? delay / 1000 : 0));
          const frequency = tscFrequency(readings(hertz, moments, { tsc: 5n, timer }));
          assert.ok(frequency !== undefined);
          assert.ok(Math.abs((frequency * 1000) / hertz - 1) < 30e-6, `${frequency} for ${hertz}`);
        },
      ),
    );
  });

  test("is unknown when there are too few samples, or they make no sense", () => {
    const samples = readings(2_000_000_000, usual);
    assert.equal(tscFrequency([]), undefined);
    assert.equal(tscFrequency(samples.slice(0, 2)), undefined);
    assert.equal(tscFrequency(samples.map((sample) => ({ ...sample, timer: 7 }))), undefined);
    assert.equal(tscFrequency(samples.map((sample) => ({ ...sample, tsc: 7n }))), undefined);
    assert.equal(tscFrequency(samples.toReversed()), undefined);
    assert.equal(tscFrequency(readings(50_000_000, usual)), undefined, "50 MHz");
    assert.equal(tscFrequency(readings(30_000_000_000, usual)), undefined, "30 GHz");
  });

  test("is a plausible number or nothing, whatever the guest sends", () => {
    const sample = fc.record({ tsc: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), timer: fc.nat(65535) });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 8 }), (samples) => {
        const frequency = tscFrequency(samples);
        assert.ok(frequency === undefined || (frequency >= 100_000 && frequency <= 20_000_000));
      }),
    );
  });
});
