/** Counts of the interval timer (8254) in a second, and its width. */
const timerRate = 1_193_182;
const timerRange = 65536;

/** Both clocks of the guest at one moment: the processor's counter, and the timer's, which counts down and wraps. */
export interface ClockSample {
  readonly tsc: bigint;
  readonly timer: number;
}

/**
 * Frequency of the time stamp counter in kHz, from samples that are less than a wrap of the timer (55 ms) apart unless the
 * guest was held up in between; undefined when they make no sense. Good to about 10 ppm over 100 ms.
 */
export function tscFrequency(samples: readonly ClockSample[]): number | undefined {
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last || samples.length < 3) return undefined;
  const rough = median(rates(samples));
  if (rough === undefined) return undefined;
  const cycles = Number(last.tsc - first.tsc);
  // Most neighbours were not held up, so the rough rate tells how often the timer wrapped between the outer two.
  const expected = (cycles / rough) * timerRate;
  const remainder = fallen(first, last);
  const counts = remainder + Math.round((expected - remainder) / timerRange) * timerRange;
  if (counts <= 0 || Math.abs(counts / expected - 1) > 0.01) return undefined;
  const kilohertz = Math.round(((cycles / counts) * timerRate) / 1000);
  return kilohertz >= 100_000 && kilohertz <= 20_000_000 ? kilohertz : undefined;
}

/** Cycles in a second between each sample and the next. */
function rates(samples: readonly ClockSample[]): number[] {
  return samples.slice(1).flatMap((sample, index) => {
    const before = samples[index];
    if (!before || sample.tsc <= before.tsc) return [];
    const counts = fallen(before, sample);
    return counts === 0 ? [] : [(Number(sample.tsc - before.tsc) / counts) * timerRate];
  });
}

function fallen(from: ClockSample, to: ClockSample): number {
  return (from.timer - to.timer + timerRange) % timerRange;
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
