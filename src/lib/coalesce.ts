import type { Context, Progress } from "./context.ts";
import { fault } from "./errors/error.ts";

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly abort: AbortController;
  readonly listeners: Set<(progress: Progress) => void>;
  /** Last event of each stage, replayed to those who join late. */
  readonly latest: Map<string, Progress>;
  waiters: number;
}

/**
 * Runs work for a key at most once at a time: those who ask meanwhile wait for the same result and hear the same
 * progress. A waiter that is cancelled stops waiting; the work itself is cancelled only when nobody waits any more, and
 * who asks after that waits for its clean-up first.
 */
export class Coalescer<T> {
  readonly #flights = new Map<string, Flight<T>>();

  async run(key: string, context: Context, work: (shared: Context) => Promise<T>): Promise<T> {
    for (;;) {
      const running = this.#flights.get(key);
      if (!running?.abort.signal.aborted) break;
      await running.promise.catch(() => undefined);
    }
    throwIfCancelled(context.signal, key);
    const flight = this.#flights.get(key) ?? this.#launch(key, work);
    return await join(flight, key, context);
  }

  #launch(key: string, work: (shared: Context) => Promise<T>): Flight<T> {
    const abort = new AbortController();
    const listeners = new Set<(progress: Progress) => void>();
    const latest = new Map<string, Progress>();
    const report = (progress: Progress): void => {
      latest.set(progress.stage, progress);
      for (const listener of listeners) listener(progress);
    };
    const promise = Promise.resolve()
      .then(() => work({ signal: abort.signal, report }))
      .finally(() => this.#flights.delete(key));
    // Everybody may have left; the outcome is then nobody's concern.
    promise.catch(() => undefined);
    const flight = { promise, abort, listeners, latest, waiters: 0 };
    this.#flights.set(key, flight);
    return flight;
  }
}

async function join<T>(flight: Flight<T>, key: string, context: Context): Promise<T> {
  flight.waiters += 1;
  for (const progress of flight.latest.values()) context.report(progress);
  const listener = (progress: Progress): void => context.report(progress);
  flight.listeners.add(listener);
  let onAbort = (): void => undefined;
  const cancelled = new Promise<never>((_, reject) => {
    onAbort = () => reject(fault("interrupted", { what: `waiting for ${key}` }, context.signal.reason));
    context.signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([flight.promise, cancelled]);
  } finally {
    context.signal.removeEventListener("abort", onAbort);
    flight.listeners.delete(listener);
    flight.waiters -= 1;
    if (flight.waiters === 0) flight.abort.abort(context.signal.reason);
  }
}

function throwIfCancelled(signal: AbortSignal, key: string): void {
  if (signal.aborted) throw fault("interrupted", { what: `waiting for ${key}` }, signal.reason);
}
