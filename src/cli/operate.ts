import type { CallOptions } from "../client/banger.ts";
import { type ProgressView, progressView } from "./output/progress.ts";
import type { World } from "./world.ts";

/**
 * Runs long work of the daemon: shows its stages on standard error, and lets the first Ctrl-C cancel it. Resolves or rejects
 * when the work has ended, undone where it was cancelled.
 */
export async function operate<T>(
  world: World,
  options: { quiet: boolean },
  work: (call: CallOptions, view: ProgressView) => Promise<T>,
): Promise<T> {
  const view = progressView(world.stderr, world.env, options);
  const { signal } = world.interrupts;
  world.interrupts.onFirst(() => view.note("cancelling; once more to leave at once"));
  try {
    const result = await work({ signal, onProgress: (progress) => view.report(progress) }, view);
    view.end();
    return result;
  } catch (error) {
    view.end(true);
    throw error;
  } finally {
    world.interrupts.onFirst(() => undefined);
  }
}
