import { createConnection } from "node:net";
import type { DialTarget } from "../../src/guest/dial.ts";
import type { GuestConnection } from "../../src/guest/guest-connection.ts";
import type { ListenerChange } from "../../src/guest/listeners.ts";
import { fault } from "../../src/lib/errors/error.ts";
import type { NetworkAgent } from "../../src/network/port-mirror.ts";

/** A guest whose ports are where a test says, and whose connections lead to ports of this host. */
export class FakeAgent implements NetworkAgent {
  readonly dialled: DialTarget[] = [];
  /** Port of the guest, then of this host. */
  readonly routes = new Map<number, number>();
  #queue: ListenerChange[][] = [];
  #wake: () => void = () => undefined;

  opened(port: number, address = "0.0.0.0", process = "node"): void {
    this.changed([{ change: "opened", port, address, process }]);
  }

  closed(port: number, address = "0.0.0.0"): void {
    this.changed([{ change: "closed", port, address }]);
  }

  changed(changes: ListenerChange[]): void {
    this.#queue.push(changes);
    this.#wake();
  }

  dial(target: DialTarget): GuestConnection {
    this.dialled.push(target);
    const port = this.routes.get(target.port ?? 0);
    if (port === undefined) throw fault("channel_closed", { reason: "nothing is there" });
    const socket = createConnection({ port, host: "127.0.0.1", allowHalfOpen: true });
    const connected = new Promise<void>((resolve, reject) =>
      socket.once("connect", resolve).once("error", reject),
    );
    connected.catch(() => undefined);
    socket.on("error", () => undefined);
    return { connected, readable: socket, writable: socket, reset: () => void socket.resetAndDestroy() };
  }

  async *watchListeners(signal: AbortSignal): AsyncGenerator<ListenerChange[]> {
    while (!signal.aborted) {
      const next = this.#queue.shift();
      if (next) yield next;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    }
  }
}

export async function until(condition: () => boolean | undefined): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
