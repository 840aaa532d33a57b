import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { answerQuery, type Lookup } from "./answer.ts";

/** TCP connections at a time, and milliseconds that one may be silent. */
const connectionLimit = 64;
const idleLimit = 10_000;

export interface DnsServer {
  close(): Promise<void>;
}

/** Answers for the machines over UDP and TCP on one port. @throws the host's error when it does not give the port */
export async function serveDns(address: string, port: number, lookup: Lookup): Promise<DnsServer> {
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  const tcp = createServer((socket) => serveConnection(socket, lookup));
  tcp.maxConnections = connectionLimit;
  udp.on("message", (query, from) => {
    const answer = answerQuery(query, lookup);
    if (answer) udp.send(answer, from.port, from.address, () => undefined);
  });
  try {
    await bindUdp(udp, address, port);
    await bindTcp(tcp, address, port);
  } catch (error) {
    closeUdp(udp);
    tcp.close();
    throw error;
  }
  // A datagram that cannot be sent is a query that gets no answer.
  udp.on("error", () => undefined);
  tcp.on("error", () => undefined);
  const sockets = new Set<Socket>();
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    async close() {
      closeUdp(udp);
      const closed = new Promise((resolve) => tcp.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Each message comes after its length in two bytes (RFC 1035, section 4.2.2). */
function serveConnection(socket: Socket, lookup: Lookup): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.setTimeout(idleLimit, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const answer = answerQuery(pending.subarray(2, end), lookup);
      pending = pending.subarray(end);
      // Who asks without reading the answers is not served.
      if (!answer || socket.writableNeedDrain) {
        socket.destroy();
        return;
      }
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}

async function bindUdp(socket: UdpSocket, address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind({ address, port, exclusive: true }, resolve);
  await promise;
  socket.off("error", reject);
}

async function bindTcp(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port, exclusive: true }, resolve);
  await promise;
  server.off("error", reject);
}

function closeUdp(socket: UdpSocket): void {
  try {
    socket.close();
  } catch {
    // It had not been opened.
  }
}
