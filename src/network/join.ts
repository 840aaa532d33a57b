import type { Socket } from "node:net";
import type { GuestConnection } from "../guest/guest-connection.ts";

/** Milliseconds for a peer to notice that nobody takes what it still sends. */
const farewell = 5000;

/**
 * Joins a socket of the host and a connection in the guest: bytes, ends of each direction and breaks go from one to the other,
 * and who reads slowly holds up who writes. The socket was made with `allowHalfOpen`. Both are gone when this is over.
 */
export function join(socket: Socket, connection: GuestConnection): void {
  const { readable, writable } = connection;
  socket.on("error", () => connection.reset());
  socket.on("close", () => {
    // Closed in both directions, what came of it may still be on its way into the guest.
    if (!socket.readableEnded || !socket.writableFinished) connection.reset();
  });
  readable.on("error", () => breakOff(socket));
  writable.on("close", () => {
    if (!writable.writableFinished) dismiss(socket);
  });
  connection.connected.catch(() => breakOff(socket));
  socket.pipe(writable);
  readable.pipe(socket);
}

/** A peer is to see that the other end broke, and not that it came to its end. */
function breakOff(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** The guest reads no more. Closing at once could cost the peer the end of what the guest has said. */
function dismiss(socket: Socket): void {
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), farewell);
  socket.once("close", () => clearTimeout(timer));
}
