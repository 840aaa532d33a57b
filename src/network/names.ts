import type { Config } from "../model/config.ts";
import { serveDns } from "./dns/server.ts";
import { KeptServer } from "./kept-server.ts";
import type { NamedPort } from "./proxy/route.ts";
import { serveProxy } from "./proxy/server.ts";
import type { NetworkService } from "./service.ts";

/** A server of the daemon that is reached by TCP, and why it is not at present. */
export interface ServerState {
  endpoint: string;
  problem?: string | undefined;
}

export interface NamesOptions {
  config: Config["network"];
  network: NetworkService;
  /** A machine's id by its name. */
  idOf(name: string): string | undefined;
}

/** Machines by name: the DNS server, and the HTTP proxy for hosts whose resolver does not know of it. */
export class NameServers {
  readonly #config: Config["network"];
  readonly #dns: KeptServer | undefined;
  readonly #proxy: KeptServer | undefined;

  constructor({ config, network, idOf }: NamesOptions) {
    this.#config = config;
    const addressOf = (name: string): string | undefined => {
      const id = idOf(name);
      return id && network.address(id);
    };
    const locate = ({ name, port }: NamedPort): { address: string; port: number } | string => {
      const id = idOf(name);
      if (id === undefined) return `there is no machine named ${name}`;
      const what = port === undefined ? "any port" : `port ${port}`;
      return network.endpoint(id, port) ?? `nothing in ${name} listens on ${what}`;
    };
    this.#dns = keep(config.dns, (address, port) => serveDns(address, port, addressOf));
    this.#proxy = keep(config.proxy, (address, port) => serveProxy(address, port, locate));
  }

  get state(): { dns: ServerState; proxy: ServerState } {
    const { dns, proxy } = this.#config;
    return { dns: stateOf(dns, this.#dns), proxy: stateOf(proxy, this.#proxy) };
  }

  /** Resolves when both have tried to open their ports. */
  async tried(): Promise<void> {
    await Promise.all([this.#dns?.tried, this.#proxy?.tried]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#dns?.close(), this.#proxy?.close()]);
  }
}

type Open = (address: string, port: number) => Promise<{ close(): Promise<void> }>;

function keep(endpoint: string, open: Open): KeptServer | undefined {
  if (endpoint === "off") return undefined;
  const at = endpoint.lastIndexOf(":");
  return new KeptServer(() => open(endpoint.slice(0, at), Number(endpoint.slice(at + 1))));
}

function stateOf(endpoint: string, server: KeptServer | undefined): ServerState {
  const problem = server ? server.problem : "it is turned off";
  return problem === undefined ? { endpoint } : { endpoint, problem };
}
