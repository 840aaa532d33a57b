import type { GuestConnection } from "../guest/guest-connection.ts";
import { fault, messageOf } from "../lib/errors/error.ts";
import type { Publication, VmPort, VmPorts } from "../model/ports.ts";
import type { NetworkRecord, NetworkRepository } from "../store/network-repository.ts";
import { chooseAddress, listeningAddresses } from "./address.ts";
import type { Crowd } from "./host-port.ts";
import { type MirroredPort, type NetworkAgent, PortMirror } from "./port-mirror.ts";
import { PublishedPort } from "./published-port.ts";

/** Most connections that lead into one machine at a time; its agent has 512 streams, and commands need some. */
export const connectionLimit = 400;

export interface NetworkOptions {
  records: NetworkRepository;
  log: (message: string, details?: Record<string, unknown>) => void;
  /** Addresses of this host that somebody listens on. */
  inUse?: () => Set<string>;
}

interface Attached {
  readonly mirror: PortMirror;
  readonly published: readonly PublishedPort[];
}

/** The machines' ports on this host: what their guests listen on, and what was published. */
export class NetworkService {
  readonly #options: NetworkOptions;
  readonly #attached = new Map<string, Attached>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** The machine's loopback address, chosen when it is first asked for and then kept. */
  address(vm: string): string {
    return this.#record(vm).address;
  }

  /** @throws port_published when another machine has one of these ports of the host, or one is named twice */
  check(publish: readonly Publication[]): void {
    const taken = new Set(
      [...this.#options.records.all().values()].flatMap((record) => record.publish.map(({ host }) => host)),
    );
    for (const { host } of publish) {
      if (taken.has(host)) throw fault("port_published", { port: host });
      taken.add(host);
    }
  }

  /** Publishes ports of a machine from its next attachment on. @throws port_published */
  assign(vm: string, publish: readonly Publication[]): void {
    this.check(publish);
    const { address } = this.#record(vm);
    this.#options.records.set(vm, { address, publish });
  }

  /** Opens the machine's ports, for as long as there is a channel to its guest: until what is returned is called. */
  attach(vm: { id: string; name: string }, agent: NetworkAgent): () => void {
    const crowd: Crowd = { present: 0, most: connectionLimit };
    const { address, publish } = this.#record(vm.id);
    const mirror = new PortMirror(address, agent, crowd);
    const over = new AbortController();
    const published = publish.map(({ host, guest }) => {
      const connect = (): GuestConnection => agent.dial({ port: guest }, over.signal);
      return new PublishedPort({ host, guest }, connect, crowd);
    });
    const attached = { mirror, published };
    this.#attached.set(vm.id, attached);
    mirror.run().catch((error: unknown) => {
      this.#options.log("the ports of a machine are not followed", { vm: vm.name, error: messageOf(error) });
    });
    return () => {
      over.abort();
      mirror.stop();
      for (const port of published) port.close();
      if (this.#attached.get(vm.id) === attached) this.#attached.delete(vm.id);
    };
  }

  ports(vm: string): VmPorts {
    const { address, publish } = this.#record(vm);
    const attached = this.#attached.get(vm);
    const published = attached?.published.map((port) => port.view) ?? publish.map(resting);
    const ports = attached?.mirror.list().map(portView) ?? [];
    return { address, ports, published, left: attached?.mirror.left ?? 0 };
  }

  /** Where on this host a port of the machine is; without a port 80, or else the first that is not ssh's. */
  endpoint(vm: string, port?: number): { address: string; port: number } | undefined {
    const mirrored = this.#attached.get(vm)?.mirror.list() ?? [];
    const wanted =
      port === undefined
        ? (mirrored.find((one) => one.port === 80) ?? mirrored.find((one) => one.port !== 22))
        : mirrored.find((one) => one.port === port);
    return wanted?.host;
  }

  #record(vm: string): NetworkRecord {
    const { records, inUse = listeningAddresses } = this.#options;
    const known = records.get(vm);
    if (known) return known;
    const ours = new Set([...records.all().values()].map(({ address }) => address));
    const busy = inUse();
    const address = chooseAddress(vm, (candidate) => ours.has(candidate) || busy.has(candidate));
    const record = { address, publish: [] };
    records.set(vm, record);
    return record;
  }
}

function resting({ host, guest }: Publication): VmPorts["published"][number] {
  return { host, guest, endpoint: `127.0.0.1:${host}`, problem: "the machine does not run" };
}

function portView({ port, address, process, host, problem }: MirroredPort): VmPort {
  const view: VmPort = { port, address, process };
  if (host) {
    view.endpoint = `${host.address}:${host.port}`;
    const url = urlOf(port, view.endpoint);
    if (url !== undefined) view.url = url;
  }
  if (problem !== undefined) view.problem = problem;
  return view;
}

const schemes = new Map<number, string | undefined>([
  [443, "https"],
  [8443, "https"],
  [22, "ssh"],
  ...[21, 23, 25, 53, 110, 111, 143, 389, 465, 587, 993, 995, 5355].map((port): [number, undefined] => [
    port,
    undefined,
  ]),
  [3306, "mysql"],
  [5432, "postgresql"],
  [6379, "redis"],
]);

/** A guess by the port: most of what people start in a machine speaks HTTP. */
function urlOf(port: number, endpoint: string): string | undefined {
  const scheme = schemes.has(port) ? schemes.get(port) : "http";
  return scheme && `${scheme}://${endpoint}`;
}
