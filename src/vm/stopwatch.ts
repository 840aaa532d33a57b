import type { VmTiming } from "../model/vm.ts";

/** Takes the time of phases that follow one another; a phase that comes again is added to. */
export class Stopwatch {
  readonly #phases = new Map<string, number>();
  #last = performance.now();

  lap(phase: string): void {
    const now = performance.now();
    this.#phases.set(phase, (this.#phases.get(phase) ?? 0) + now - this.#last);
    this.#last = now;
  }

  get timing(): VmTiming {
    return [...this.#phases].map(([phase, ms]) => ({ phase, ms: Math.round(ms * 10) / 10 }));
  }
}
