import type { Duplex } from "node:stream";
import type { Transport } from "./transport.ts";

/** What to connect to in a machine: a TCP port, on its loopback unless an address is given, or the path of a unix socket. */
export interface DialOptions {
  port?: number | undefined;
  address?: string | undefined;
  path?: string | undefined;
  signal?: AbortSignal | undefined;
}

export const dialProtocol = "banger-dial/1";

/**
 * A connection to what listens in a machine. Ending its writable side is a half-close; aborting the signal breaks it off.
 *
 * @throws dial_failed, vm_not_found, vm_wrong_state, guest_unreachable
 */
export async function dial(transport: Transport, ref: string, options: DialOptions): Promise<Duplex> {
  const { signal, ...target } = options;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(target)) {
    if (value !== undefined) query.set(name, String(value));
  }
  const path = `/v1/vms/${encodeURIComponent(ref)}/dial?${query}`;
  const call = { method: "POST", path, signal, halfOpen: true };
  const { socket, rest } = await transport.upgrade(call, dialProtocol);
  if (rest.length > 0) socket.unshift(rest);
  return socket;
}
