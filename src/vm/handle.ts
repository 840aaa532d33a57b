import type { LiveMachine } from "./live-machine.ts";
import { Mutex } from "./mutex.ts";

/** What is known of a machine beside its record, for as long as the daemon lives. */
export class VmHandle {
  readonly id: string;
  /** Held by whoever changes the machine's state. */
  readonly lock = new Mutex();
  /** Set while the machine runs. */
  live: LiveMachine | undefined;
  /** Set while it is being started. */
  starting: Starting | undefined;
  /** The first session of an ephemeral machine, whose end is that of the machine. */
  owner: symbol | undefined;
  /** Ends an ephemeral machine that nobody came to. */
  grace: NodeJS.Timeout | undefined;

  constructor(id: string) {
    this.id = id;
  }
}

export interface Starting {
  readonly abort: AbortController;
  /** Resolves when the start has succeeded or failed. */
  readonly over: Promise<void>;
}

/** The handles of all machines. */
export class VmHandles {
  readonly #handles = new Map<string, VmHandle>();

  get(id: string): VmHandle {
    const known = this.#handles.get(id);
    if (known) return known;
    const handle = new VmHandle(id);
    this.#handles.set(id, handle);
    return handle;
  }

  all(): VmHandle[] {
    return [...this.#handles.values()];
  }

  drop(id: string): void {
    clearTimeout(this.#handles.get(id)?.grace);
    this.#handles.delete(id);
  }
}
