/** Milliseconds that a rate is the mean of. */
const window = 3000;
/** Before this a rate says nothing. */
const soonest = 500;

interface Sample {
  /** Milliseconds of a clock that only goes forward. */
  at: number;
  value: number;
}

/** How fast something grows, over the last seconds: what stalls becomes slow, and what was there already does not count. */
export class Rate {
  #samples: Sample[] = [];

  note(value: number, at: number): void {
    const last = this.#samples.at(-1);
    // A stage that begins anew, as when a mirror is changed.
    if (last && value < last.value) this.#samples = [];
    this.#samples.push({ at, value });
    this.#forget(at);
  }

  /** A second; undefined as long as that is not known. */
  perSecond(now: number): number | undefined {
    this.#forget(now);
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || now - first.at < soonest) return undefined;
    return ((last.value - first.value) * 1000) / (now - first.at);
  }

  /** The last one before the window stays: the window begins somewhere after it. */
  #forget(now: number): void {
    const begin = now - window;
    const fresh = this.#samples.findIndex(({ at }) => at > begin);
    const drop = fresh === -1 ? this.#samples.length - 1 : fresh - 1;
    if (drop > 0) this.#samples.splice(0, drop);
  }
}
