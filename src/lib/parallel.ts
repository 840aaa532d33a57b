import type { Context } from "./context.ts";

/**
 * Does the same with every item, at most `limit` at a time; results are in the order of the items. The first failure stops
 * the others, and is thrown when all of them have ended.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  context: Context,
  work: (item: Item, index: number, scoped: Context) => Promise<Result>,
): Promise<Result[]> {
  const failed = new AbortController();
  const scoped = { ...context, signal: AbortSignal.any([context.signal, failed.signal]) };
  const results: Result[] = [];
  const queue = items.entries();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(item, index, scoped);
      } catch (error) {
        failures.push(error);
        failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
