import type { Socket } from "node:net";
import { drained } from "../../lib/drained.ts";

/**
 * Sends a body as it comes, in chunks (RFC 9112, section 7.1), no faster than the daemon takes it. Ends early, without the last chunk,
 * when the signal aborts or the connection is gone: whoever reads the answer knows why.
 *
 * @throws what the source throws
 */
export async function sendChunks(
  source: AsyncIterable<Uint8Array>,
  socket: Socket,
  stop: AbortSignal,
): Promise<void> {
  for await (const piece of source) {
    if (stop.aborted || socket.destroyed) return;
    if (piece.length === 0) continue;
    socket.cork();
    socket.write(`${piece.length.toString(16)}\r\n`);
    socket.write(piece);
    const hasRoom = socket.write("\r\n");
    socket.uncork();
    if (!hasRoom && !socket.destroyed) await drained(socket);
  }
  if (!stop.aborted && !socket.destroyed) socket.write("0\r\n\r\n");
}
