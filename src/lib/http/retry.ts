import { sleep } from "../deadline.ts";
import { errnoOf, isFault } from "../errors/error.ts";

export interface RetryOptions {
  signal: AbortSignal;
  /** Attempts in a row that may fail without progress. */
  attempts?: number;
  /** Milliseconds before the second attempt; doubled for each further one. */
  pause?: number;
}

/** What a failed request says of itself (`archive_unreachable`). */
interface Failure {
  status?: number;
  /** Seconds, from Retry-After. */
  retryAfter?: number;
}

const retryAfterLimit = 30;
const totalLimit = 20;
const transientErrors = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "HPE_INVALID_EOF_STATE"]);

/**
 * Repeats work that fails for a reason that passes by itself: a busy server, a broken connection. `work` is told its number and
 * calls `advanced` when it got further than before, which starts the count anew: a long download over a bad line ends.
 */
export async function retrying<T>(
  options: RetryOptions,
  work: (advanced: () => void) => Promise<T>,
): Promise<T> {
  const { signal, attempts = 4, pause = 500 } = options;
  let failures = 0;
  for (let total = 1; ; total += 1) {
    try {
      return await work(() => {
        failures = 0;
      });
    } catch (error) {
      failures += 1;
      if (!isTransient(error) || failures >= attempts || total >= totalLimit) throw error;
      const { retryAfter = 0 } = failureOf(error);
      const wait = Math.max(pause * 2 ** (failures - 1), Math.min(retryAfter, retryAfterLimit) * 1000);
      await sleep(wait, signal);
    }
  }
}

function isTransient(error: unknown): boolean {
  if (!isFault(error, "archive_unreachable")) return false;
  const { status } = failureOf(error);
  if (status !== undefined) return [408, 429, 500, 502, 503, 504].includes(status);
  return isFault(error.cause, "timed_out") || transientErrors.has(errnoOf(error.cause) ?? "");
}

function failureOf(error: unknown): Failure {
  return isFault(error, "archive_unreachable") ? (error.params as Failure) : {};
}
