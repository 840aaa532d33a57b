import { fault } from "./errors/error.ts";

/** Resolves after `ms` milliseconds. @throws interrupted when the signal aborts first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(fault("interrupted", { what: "waiting" }, signal.reason));
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(fault("interrupted", { what: "waiting" }, signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Waits for a promise, but not longer than `ms`, and not past the signal. The promise itself goes on: whoever made it
 * owns it and must end it.
 *
 * @throws timed_out, interrupted, and what the promise throws
 */
export async function within<T>(
  what: string,
  ms: number,
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const bell = new AbortController();
  const stop = signal ? AbortSignal.any([signal, bell.signal]) : bell.signal;
  try {
    return await Promise.race([promise, expire(what, ms, stop, bell.signal)]);
  } finally {
    bell.abort();
  }
}

async function expire(what: string, ms: number, stop: AbortSignal, done: AbortSignal): Promise<never> {
  try {
    await sleep(ms, stop);
  } catch (error) {
    // The race is over when `done` rang; this rejection is then nobody's.
    if (done.aborted) return await new Promise<never>(() => undefined);
    throw fault("interrupted", { what }, error);
  }
  throw fault("timed_out", { what, seconds: ms / 1000 });
}
