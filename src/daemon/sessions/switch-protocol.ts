import type { Socket } from "node:net";
import type { BangerError } from "../../lib/errors/error.ts";

/** Says that from here on the connection speaks another protocol (RFC 9110, section 7.8). */
export function switchProtocol(socket: Socket, protocol: string): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
}

/** Answers an upgrade request with a problem document, and ends the connection. */
export function refuseUpgrade(socket: Socket, error: BangerError): void {
  const body = JSON.stringify({
    type: "about:blank",
    title: error.message,
    status: error.status,
    ...error.toProblem(),
  });
  socket.end(
    `HTTP/1.1 ${error.status} Refused\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
