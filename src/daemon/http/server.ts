import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { diskFault } from "../../lib/atomic.ts";
import { prepareRuntimeDirectory } from "../../lib/runtime-directory.ts";
import { checkSocketPath } from "../../lib/socket-path.ts";

export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

export interface Listening {
  /** Takes no more connections: the socket is gone, and the next client starts the next daemon. */
  stop(): void;
  /** Ends all connections; those that are busy get `grace` milliseconds to end by themselves. */
  close(grace: number): Promise<void>;
}

/**
 * Serves the app on a unix socket that only this user can open. The caller holds the daemon's lock: a socket that is already
 * there is a dead daemon's.
 *
 * @throws path_too_long, unsafe_directory, directory_not_writable
 */
export async function listen(
  app: Hono,
  onUpgrade: UpgradeHandler,
  path: string,
  directory: string,
): Promise<Listening> {
  checkSocketPath(path);
  await prepareRuntimeDirectory(directory);
  await rm(path, { force: true });
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  // A large file takes longer to come than the five minutes that a request usually has.
  server.requestTimeout = 0;
  const upgraded = new Set<Socket>();
  server.on("upgrade", (request, socket: Socket, head) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    onUpgrade(request, socket, head);
  });
  await bind(server, path);
  await chmod(path, 0o600);
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  const stop = (): void => {
    if (server.listening) server.close();
    server.closeIdleConnections();
  };
  return {
    stop,
    close: async (grace) => {
      stop();
      const timer = setTimeout(() => {
        server.closeAllConnections();
        for (const socket of upgraded) socket.destroy();
      }, grace);
      await closed;
      clearTimeout(timer);
      for (const socket of upgraded) socket.destroy();
    },
  };
}

async function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(path, resolve);
  try {
    await promise;
  } catch (error) {
    throw diskFault(error, path, "making the daemon's socket");
  }
}
