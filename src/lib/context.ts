/** One step of a long operation, as the API streams it and the CLI draws it. */
export interface Progress {
  /** Stable identifier of the step, such as `image.pull`; events of one step share it. */
  stage: string;
  state: "started" | "progress" | "done" | "note";
  /** What a person reads, without a full stop: "pulling debian-bookworm from the image catalog". */
  message: string;
  /** How far it is, when that is known. */
  current?: number;
  total?: number;
  unit?: "bytes" | "items";
  /** Milliseconds since the step started; set by the reporter on `done`. */
  elapsed?: number;
}

export type Report = (progress: Progress) => void;

/** What every long piece of work is given: how to stop, and where to say what it does. */
export interface Context {
  readonly signal: AbortSignal;
  readonly report: Report;
}

/** Runs one step and reports its start, and its end with the time it took. A step that fails reports no end. */
export async function step<T>(
  context: Context,
  stage: string,
  message: string,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  context.report({ stage, state: "started", message });
  const result = await work();
  context.report({ stage, state: "done", message, elapsed: Math.round(performance.now() - began) });
  return result;
}

/** A context that nobody listens to and nobody stops; for tests and for work nobody waits for. */
export function detachedContext(signal: AbortSignal = new AbortController().signal): Context {
  return { signal, report: () => undefined };
}
