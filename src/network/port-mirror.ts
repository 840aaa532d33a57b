import type { DialTarget } from "../guest/dial.ts";
import type { GuestConnection } from "../guest/guest-connection.ts";
import type { ListenerChange } from "../guest/listeners.ts";
import { sleep } from "../lib/deadline.ts";
import { asFault } from "../lib/errors/error.ts";
import { type Crowd, type HostPort, openHostPort, refusalOf } from "./host-port.ts";

/** What is needed of a machine's agent. */
export interface NetworkAgent {
  dial(target: DialTarget, signal: AbortSignal): GuestConnection;
  watchListeners(signal: AbortSignal): AsyncIterable<ListenerChange[]>;
}

/** A port that the guest listens on, as this host has it. */
export interface MirroredPort {
  readonly port: number;
  /** Where it listens in the guest. */
  readonly address: string;
  readonly process: string;
  /** On this host; absent when there is none, which `problem` explains. */
  readonly host?: { readonly address: string; readonly port: number } | undefined;
  readonly problem?: string | undefined;
}

/** Most ports of one machine that get a port of the host. */
export const portLimit = 256;
/** Most listening sockets of a guest that are kept in mind. */
const knownLimit = 1024;
/** Milliseconds between two looks at what changed: a guest that flaps costs that much and no more. */
const pace = 200;
/** Added to a port that is not to be had: 80 becomes 8080 and 443 becomes 8443; others go out of the way. */
const substitutes = { privileged: 8000, ordinary: 10_000 };

interface Entry extends MirroredPort {
  opened?: HostPort | undefined;
}

/** The ports of one guest on its address of this host, for as long as there is a channel to its agent. */
export class PortMirror {
  readonly #address: string;
  readonly #agent: NetworkAgent;
  readonly #crowd: Crowd;
  readonly #stop = new AbortController();
  /** Port, then address, then process. */
  readonly #known = new Map<number, Map<string, string>>();
  #knownSize = 0;
  readonly #entries = new Map<number, Entry>();
  #left = 0;

  constructor(address: string, agent: NetworkAgent, crowd: Crowd) {
    this.#address = address;
    this.#agent = agent;
    this.#crowd = crowd;
  }

  /** Until it is stopped, or the guest breaks the rules. @throws guest_protocol, channel_closed, guest_refused */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const changes of this.#agent.watchListeners(signal)) {
        for (const change of changes) this.#note(change);
        await this.#follow();
        await sleep(pace, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.stop();
    }
  }

  stop(): void {
    this.#stop.abort();
    for (const { opened } of this.#entries.values()) opened?.close();
    this.#entries.clear();
    this.#known.clear();
  }

  /** In the order of their numbers. */
  list(): MirroredPort[] {
    const entries = [...this.#entries.values()].map(({ opened: _, ...port }) => port);
    return entries.sort((a, b) => a.port - b.port);
  }

  /** How many more ports the guest listens on, which have no place here. */
  get left(): number {
    return this.#left;
  }

  #note(change: ListenerChange): void {
    const { port, address } = change;
    const present = this.#known.get(port) ?? new Map<string, string>();
    if (change.change === "closed") {
      if (present.delete(address)) this.#knownSize -= 1;
      if (present.size === 0) this.#known.delete(port);
      return;
    }
    if (!present.has(address)) {
      if (this.#knownSize >= knownLimit) return;
      this.#knownSize += 1;
    }
    present.set(address, change.process);
    this.#known.set(port, present);
  }

  async #follow(): Promise<void> {
    for (const [port, entry] of this.#entries) {
      if (this.#known.has(port)) continue;
      entry.opened?.close();
      this.#entries.delete(port);
    }
    this.#left = 0;
    for (const [port, where] of this.#known) {
      if (this.#stop.signal.aborted) return;
      const [address, process] = preferred(where);
      const present = this.#entries.get(port);
      if (present?.address === address) this.#entries.set(port, { ...present, process });
      else if (!present && this.#entries.size >= portLimit) this.#left += 1;
      else await this.#open(port, address, process, present);
    }
  }

  async #open(port: number, address: string, process: string, before: Entry | undefined): Promise<void> {
    before?.opened?.close();
    const connect = (): GuestConnection =>
      this.#agent.dial({ port, address: dialledAddress(address) }, this.#stop.signal);
    try {
      const opened = await openHostPort(this.#address, candidates(port), connect, this.#crowd);
      if (this.#stop.signal.aborted) {
        opened.close();
        return;
      }
      const problem = opened.reason && `port ${port}: ${opened.reason}`;
      const host = { address: opened.address, port: opened.port };
      this.#entries.set(port, { port, address, process, host, problem, opened });
    } catch (error) {
      const problem = `port ${port}: ${refusalOf(asFault(error).cause ?? error)}`;
      this.#entries.set(port, { port, address, process, problem });
    }
  }
}

/** Of the sockets that share a port, the one that takes connections from the guest itself. */
function preferred(where: ReadonlyMap<string, string>): [address: string, process: string] {
  const sorted = [...where].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return sorted[0] ?? ["0.0.0.0", ""];
}

const usual = ["0.0.0.0", "127.0.0.1", "::", "::1"];

function rank(address: string): number {
  const place = usual.indexOf(address);
  return place === -1 ? usual.length : place;
}

/** Undefined is the guest's loopback, by IPv4 and then by IPv6. */
function dialledAddress(address: string): string | undefined {
  return usual.includes(address) ? undefined : address;
}

function candidates(port: number): number[] {
  const moved = port + (port < 1024 ? substitutes.privileged : substitutes.ordinary);
  return moved <= 65_535 ? [port, moved, 0] : [port, 0];
}
