import { createServer, type Server, type Socket } from "node:net";
import type { GuestConnection } from "../guest/guest-connection.ts";
import { asFault, errnoOf } from "../lib/errors/error.ts";
import { join } from "./join.ts";

/** Makes the guest's end of a connection. @throws when there is no channel to the guest */
export type Connect = () => GuestConnection;

/** How many connections a machine has, and may have: its agent's streams are for commands, too. */
export interface Crowd {
  present: number;
  readonly most: number;
}

/** A listening port of this host, on loopback, whose connections go into a guest. */
export interface HostPort {
  readonly address: string;
  readonly port: number;
  /** Why it is not the first port that was asked for. */
  readonly reason?: string | undefined;
  /** Stops listening and breaks its connections. */
  close(): void;
}

/**
 * Listens on the first of `ports` that this host has to give; 0 is any.
 *
 * @throws what the host said to the first; `refusalOf` puts it into words
 */
export async function openHostPort(
  address: string,
  ports: readonly number[],
  connect: Connect,
  crowd: Crowd,
): Promise<HostPort> {
  let first: Error | undefined;
  for (const port of ports) {
    const opened = new Listening(connect, crowd);
    try {
      const got = await opened.listen(address, port);
      return { address, port: got, reason: first && refusalOf(first), close: () => opened.close() };
    } catch (error) {
      first ??= error as Error;
    }
  }
  throw first;
}

/** Why this host does not give a port, as part of a sentence. */
export function refusalOf(error: unknown): string {
  const code = errnoOf(error);
  if (code === "EACCES") return "this host reserves it for root";
  if (code === "EADDRINUSE") return "it is taken on this host";
  return code ?? asFault(error).message;
}

class Listening {
  readonly #connect: Connect;
  readonly #crowd: Crowd;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(connect: Connect, crowd: Crowd) {
    this.#connect = connect;
    this.#crowd = crowd;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ host, port, exclusive: true }, resolve);
    await promise;
    this.#server.off("error", reject);
    // Of a host that has no descriptor left: who connects then waits.
    this.#server.on("error", () => undefined);
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #accept(socket: Socket): void {
    const { present, most } = this.#crowd;
    socket.on("error", () => undefined);
    if (present >= most) {
      socket.resetAndDestroy();
      return;
    }
    this.#crowd.present += 1;
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#crowd.present -= 1;
      this.#sockets.delete(socket);
    });
    try {
      join(socket, this.#connect());
    } catch {
      // The channel went a moment ago, and this port will follow.
      socket.resetAndDestroy();
    }
  }
}
