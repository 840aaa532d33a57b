import { sleep } from "../lib/deadline.ts";
import { refusalOf } from "./host-port.ts";

/** Milliseconds between two attempts to get a port that somebody else has, such as the daemon before this one. */
const retry = 3000;

/** A server whose port may be taken: that is told, and tried again. */
export class KeptServer {
  /** Why it does not listen at present. */
  problem: string | undefined = "it is not open yet";
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #first = Promise.withResolvers<void>();

  constructor(open: () => Promise<{ close(): Promise<void> }>) {
    this.#running = this.#keep(open);
  }

  /** Resolves when the first attempt has succeeded or failed. */
  get tried(): Promise<void> {
    return this.#first.promise;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #keep(open: () => Promise<{ close(): Promise<void> }>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const server = await open();
        this.problem = undefined;
        this.#first.resolve();
        if (!signal.aborted)
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        await server.close();
        return;
      } catch (error) {
        this.problem = refusalOf(error);
        this.#first.resolve();
      }
      await sleep(retry, signal).catch(() => undefined);
    }
  }
}
