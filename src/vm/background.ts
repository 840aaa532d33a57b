import { asFault } from "../lib/errors/error.ts";
import type { VmParts } from "./parts.ts";

/** Work that nobody waits for: its failures are logged, and whoever closes waits for its end. */
export class Background {
  readonly #running = new Set<Promise<void>>();
  readonly #log: VmParts["log"];

  constructor(log: VmParts["log"]) {
    this.#log = log;
  }

  start(what: string, work: () => Promise<unknown>): void {
    const running = this.#run(what, work).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #run(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { code, message } = asFault(error);
      if (code !== "interrupted") this.#log(`${what} failed`, { code, error: message });
    }
  }
}
