import type { Socket } from "node:net";
import { drained } from "../../lib/drained.ts";

const lineEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

/**
 * Sends a body in chunks (RFC 9112, section 7.1) as fast as the daemon takes it. An answer that comes before its end says
 * that no more is wanted. A body that fails breaks the connection, so that nobody takes it for a whole one.
 *
 * @throws what the body throws
 */
export async function upload(
  socket: Socket,
  body: AsyncIterable<Uint8Array>,
  answered: Promise<unknown>,
): Promise<void> {
  let over = false;
  const stop = (): void => {
    over = true;
    // Who waits for room in the socket is to see it.
    socket.emit("drain");
  };
  answered.then(stop, stop);
  for await (const piece of body) {
    if (over || socket.destroyed) return;
    if (piece.length === 0) continue;
    socket.cork();
    socket.write(`${piece.length.toString(16)}\r\n`);
    socket.write(piece);
    const room = socket.write(lineEnd);
    socket.uncork();
    if (!room) await drained(socket);
  }
  if (!over && !socket.destroyed) socket.write(lastChunk);
}
