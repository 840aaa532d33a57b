import type { Progress } from "../../lib/context.ts";
import type { OutputStream } from "../world.ts";
import { LiveProgress } from "./live-progress.ts";
import { PlainProgress } from "./plain-progress.ts";

/** Where stages of long work are shown. Ended before anything else is written to the same stream. */
export interface ProgressView {
  /** `target` tells works apart that run at once. */
  report(progress: Progress, target?: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** Takes away what is not to stay. `failed` keeps the stages that have not come to their end. */
  end(failed?: boolean): void;
}

/** Lines that move on a terminal, lines that stay elsewhere, nothing when it is to be quiet. */
export function progressView(
  stream: OutputStream,
  env: NodeJS.ProcessEnv,
  options: { quiet: boolean },
): ProgressView {
  if (options.quiet) return silent;
  if (stream.isTTY && env.TERM !== "dumb") return new LiveProgress(stream, env);
  return new PlainProgress(stream);
}

const silent: ProgressView = { report: () => undefined, note: () => undefined, end: () => undefined };
