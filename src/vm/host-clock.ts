/** Milliseconds between two looks. */
const interval = 500;
/** The wall clock and the one that only counts up may differ by this much from one look to the next. */
const tolerance = 250;
/** So often guests are looked after anyway: a clock may also drift, or be set inside. */
const routine = 60_000;

/** What tells the time and wakes. Tests have their own. */
export interface TimeSource {
  /** Milliseconds since 1970. */
  wall(): number;
  /** Milliseconds of a clock that nobody sets and that stands still while the host sleeps. */
  monotonic(): number;
  /** Calls back again and again; returns what ends that. */
  every(ms: number, work: () => void): () => void;
}

export const systemTime: TimeSource = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  every: (ms, work) => {
    const timer = setInterval(work, ms).unref();
    return () => clearInterval(timer);
  },
};

/** Calls back within a second after the host slept or its clock was set, and once a minute. Returns what ends that. */
export function watchHostClock(onChange: () => void, time: TimeSource = systemTime): () => void {
  let difference = time.wall() - time.monotonic();
  let last = time.monotonic();
  return time.every(interval, () => {
    const present = time.wall() - time.monotonic();
    const jumped = Math.abs(present - difference) > tolerance;
    const due = time.monotonic() - last >= routine;
    // Moved on at each look: a clock that is slewed slowly has not jumped.
    difference = present;
    if (!jumped && !due) return;
    last = time.monotonic();
    onChange();
  });
}
