import { fault, isFault } from "../lib/errors/error.ts";
import { run } from "../lib/process.ts";
import type { Release } from "./release.ts";

/** Milliseconds that a release file may be ahead of the host's clock, whose time zone may be set wrong. */
const futureTolerance = 24 * 3600 * 1000;

/**
 * Refuses a release file that is too old to be trusted (its mirror may hold back security updates), or of the future.
 *
 * @throws archive_release_expired, archive_release_in_future
 */
export function checkFreshness(release: Release, now: Date, checkValidUntil: boolean): void {
  const { url, date, validUntil } = release;
  if (date.getTime() > now.getTime() + futureTolerance) {
    throw fault("archive_release_in_future", { url, date: date.toUTCString() });
  }
  if (checkValidUntil && validUntil && validUntil.getTime() < now.getTime()) {
    throw fault("archive_release_expired", { url, validUntil: validUntil.toUTCString() });
  }
}

/** What the host's own apt is configured to (apt.conf(5), Acquire::Check-Valid-Until); true where there is no apt. */
export async function hostChecksValidUntil(
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  try {
    const { stdout } = await run("apt-config", ["dump", "Acquire::Check-Valid-Until"], {
      signal,
      timeout: 10_000,
      env,
    });
    const value = /^Acquire::Check-Valid-Until "([^"]*)";$/m.exec(stdout)?.[1] ?? "true";
    return !["no", "false", "without", "off", "disable", "0"].includes(value.toLowerCase());
  } catch (error) {
    if (isFault(error, "interrupted")) throw error;
    return true;
  }
}
