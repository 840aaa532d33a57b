import type { Report } from "../../lib/context.ts";

/** Milliseconds between two reports. */
const interval = 100;

/** A stream of bytes that tells how far it is while somebody reads it. */
export function counted<Piece extends Uint8Array>(
  source: AsyncIterable<Piece>,
  report: Report,
  step: { stage: string; message: string; total?: number },
): { pieces: AsyncIterable<Piece>; size: () => number } {
  let current = 0;
  async function* pieces(): AsyncGenerator<Piece> {
    const began = performance.now();
    let last = began;
    report({ ...step, state: "started" });
    for await (const piece of source) {
      yield piece;
      current += piece.length;
      const now = performance.now();
      if (now - last < interval) continue;
      last = now;
      report({ ...step, state: "progress", current, unit: "bytes" });
    }
    report({ ...step, state: "done", elapsed: Math.round(performance.now() - began) });
  }
  return { pieces: pieces(), size: () => current };
}
