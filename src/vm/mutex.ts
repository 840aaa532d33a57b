import { fault } from "../lib/errors/error.ts";

/** One at a time, in the order of arrival. */
export class Mutex {
  readonly #waiting: (() => void)[] = [];
  #held = false;

  get busy(): boolean {
    return this.#held;
  }

  /** Runs `work` alone. @throws interrupted when the signal aborts before the turn comes */
  async run<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#acquire(what, signal);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #acquire(what: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(fault("interrupted", { what }, signal.reason));
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onTurn = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(onTurn), 1);
        reject(fault("interrupted", { what }, signal.reason));
      };
      this.#waiting.push(onTurn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#held = false;
  }
}
