import { sleep } from "../lib/deadline.ts";
import type { Publication, VmPorts } from "../model/ports.ts";
import { type Connect, type Crowd, type HostPort, openHostPort, refusalOf } from "./host-port.ts";

/** Milliseconds between two attempts to get a port that somebody else has. */
const retry = 3000;
const loopback = "127.0.0.1";

/** A port of this host that somebody asked for by its number; tried again for as long as it is taken. */
export class PublishedPort {
  readonly #publication: Publication;
  readonly #stop = new AbortController();
  #opened: HostPort | undefined;
  #problem: string | undefined = "it is not open yet";

  constructor(publication: Publication, connect: Connect, crowd: Crowd) {
    this.#publication = publication;
    void this.#open(connect, crowd);
  }

  get view(): VmPorts["published"][number] {
    const view = { ...this.#publication, endpoint: `${loopback}:${this.#publication.host}` };
    return this.#problem === undefined ? view : { ...view, problem: this.#problem };
  }

  close(): void {
    this.#stop.abort();
    this.#opened?.close();
  }

  async #open(connect: Connect, crowd: Crowd): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#opened = await openHostPort(loopback, [this.#publication.host], connect, crowd);
        this.#problem = undefined;
        if (signal.aborted) this.#opened.close();
        return;
      } catch (error) {
        this.#problem = refusalOf(error);
      }
      await sleep(retry, signal).catch(() => undefined);
    }
  }
}
