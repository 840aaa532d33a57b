import { randomBytes } from "node:crypto";
import type { Context, Progress } from "../../lib/context.ts";
import { asFault, fault, isFault } from "../../lib/errors/error.ts";
import type { Operation, OperationEvent } from "../../model/operation.ts";

/** Ended operations stay visible for ten minutes, and no more than this many of them. */
const keepEnded = 10 * 60_000;
const keepCount = 200;
/** A stage that reports progress very often is heard at most this often, in milliseconds. */
const progressInterval = 50;

export type OperationListener = (event: OperationEvent) => void;

interface Entry {
  operation: Operation;
  readonly abort: AbortController;
  readonly listeners: Set<OperationListener>;
  /** First and last event of each stage, in the order of their first ones: what a late listener hears. */
  readonly history: Map<string, Progress[]>;
  readonly ended: Promise<void>;
  lastProgress: number;
}

/** Long pieces of work that go on while clients come and go. */
export class OperationRegistry {
  readonly #entries = new Map<string, Entry>();

  /** Starts work and gives its operation at once. */
  start(kind: Operation["kind"], target: string, work: (context: Context) => Promise<unknown>): Operation {
    this.#forget();
    const abort = new AbortController();
    const done = Promise.withResolvers<void>();
    const operation: Operation = {
      id: randomBytes(6).toString("hex"),
      kind,
      target,
      state: "running",
      createdAt: new Date().toISOString(),
    };
    const entry: Entry = {
      operation,
      abort,
      listeners: new Set(),
      history: new Map(),
      ended: done.promise,
      lastProgress: 0,
    };
    this.#entries.set(operation.id, entry);
    void this.#carryOut(entry, work).then(done.resolve);
    return operation;
  }

  list(): Operation[] {
    return [...this.#entries.values()].map(({ operation }) => operation).reverse();
  }

  /** @throws operation_not_found */
  show(id: string): Operation {
    return this.#entry(id).operation;
  }

  get running(): number {
    return this.list().filter(({ state }) => state === "running").length;
  }

  /** Asks an operation to stop and waits until it has undone what it did. @throws operation_not_found */
  async cancel(id: string): Promise<Operation> {
    const entry = this.#entry(id);
    entry.abort.abort(fault("interrupted", { what: entry.operation.kind }));
    await entry.ended;
    return entry.operation;
  }

  /**
   * Hears what has happened so far, then what happens, up to the end. Returns a function that stops listening.
   *
   * @throws operation_not_found
   */
  listen(id: string, listener: OperationListener): () => void {
    const entry = this.#entry(id);
    for (const progress of [...entry.history.values()].flat()) listener({ type: "progress", progress });
    if (entry.operation.state !== "running") listener({ type: "end", operation: entry.operation });
    else entry.listeners.add(listener);
    return () => entry.listeners.delete(listener);
  }

  async cancelAll(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((id) => this.cancel(id)));
  }

  async #carryOut(entry: Entry, work: (context: Context) => Promise<unknown>): Promise<void> {
    const context = { signal: entry.abort.signal, report: (progress: Progress) => report(entry, progress) };
    try {
      const result = await work(context);
      end(entry, { state: "succeeded", result });
    } catch (error) {
      const state = isFault(error, "interrupted") ? "cancelled" : "failed";
      end(entry, { state, error: asFault(error).toProblem() });
    }
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw fault("operation_not_found", { id });
    return entry;
  }

  #forget(): void {
    const ended = [...this.#entries.values()].filter(({ operation }) => operation.endedAt);
    const old = ended.filter(
      ({ operation }) => Date.parse(operation.endedAt as string) < Date.now() - keepEnded,
    );
    const many = ended.slice(0, Math.max(0, ended.length - keepCount));
    for (const { operation } of [...old, ...many]) this.#entries.delete(operation.id);
  }
}

function report(entry: Entry, progress: Progress): void {
  const known = entry.history.get(progress.stage);
  if (known) known[1] = progress;
  else entry.history.set(progress.stage, [progress]);
  if (progress.state === "progress") {
    const now = performance.now();
    if (now - entry.lastProgress < progressInterval) return;
    entry.lastProgress = now;
  }
  for (const listener of entry.listeners) listener({ type: "progress", progress });
}

function end(entry: Entry, outcome: Pick<Operation, "state" | "result" | "error">): void {
  entry.operation = { ...entry.operation, ...outcome, endedAt: new Date().toISOString() };
  for (const listener of entry.listeners) listener({ type: "end", operation: entry.operation });
  entry.listeners.clear();
}
