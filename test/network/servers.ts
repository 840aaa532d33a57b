import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";

/** A TCP server on a loopback address of this host that ends with the test. */
export async function tcpServer(
  t: TestContext,
  onConnection: (socket: Socket) => void,
  host = "127.0.0.1",
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await listening(server, host);
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await ended(server);
  });
  return portOf(server);
}

export async function listening(server: Server, host = "127.0.0.1"): Promise<Server> {
  server.listen(0, host);
  await once(server, "listening");
  return server;
}

export function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

export async function ended(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}

/** A connected client that stays open for writing when the server has ended. */
export async function client(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** A port that nobody listens on. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = await listening(createServer(), host);
  const port = portOf(server);
  await ended(server);
  return port;
}

/** Resolves when a socket is closed, however that came. */
export async function closing(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

/** Connects, and waits until the other side has broken the connection off. */
export async function turnedAway(port: number, host: string): Promise<void> {
  const socket = connect({ port, host });
  socket.on("error", () => undefined);
  socket.resume();
  await closing(socket);
}
