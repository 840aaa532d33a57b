import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type NamedPort, readHost } from "./route.ts";

/** Where on this host a named port of a machine is; a text says why it is nowhere. */
export type Locate = (named: NamedPort) => { address: string; port: number } | string;

/** Milliseconds for the machine to take a connection; how long it thinks about its answer is its own affair. */
const connectLimit = 30_000;
/** Of one connection only (RFC 9110, section 7.6.1). */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Carries HTTP to machines by the name in the request. @throws the host's error when it does not give the port */
export async function serveProxy(
  address: string,
  port: number,
  locate: Locate,
): Promise<{ close(): Promise<void> }> {
  const upgraded = new Set<Socket>();
  const server = createServer((incoming, response) => carry(incoming, response, locate));
  server.requestTimeout = 0;
  server.on("upgrade", (incoming, socket: Socket, head) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    carryUpgrade(incoming, socket, head, locate);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: address, port, exclusive: true }, resolve);
  await promise;
  server.off("error", reject).on("error", () => undefined);
  return {
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await closed;
    },
  };
}

function carry(incoming: IncomingMessage, response: ServerResponse, locate: Locate): void {
  const target = find(incoming, locate);
  if (typeof target === "string") {
    explain(response, 404, target);
    return;
  }
  const headers = forwarded(incoming, hopByHop);
  const outgoing = request({ ...options(incoming, target), headers, setHost: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders, hopByHop));
    response.flushHeaders();
    answer.on("error", () => response.destroy());
    answer.pipe(response);
  });
  outgoing.setTimeout(0);
  outgoing.on("error", (error) => {
    if (response.headersSent) response.destroy();
    else explain(response, 502, `the machine does not answer: ${error.message}`);
  });
  response.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** Websockets and the like: after the machine's consent the connection is theirs. */
function carryUpgrade(incoming: IncomingMessage, socket: Socket, head: Buffer, locate: Locate): void {
  socket.on("error", () => socket.destroy());
  const target = find(incoming, locate);
  if (typeof target === "string") {
    socket.end(`HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n${target}\n`);
    return;
  }
  const headers = forwarded(incoming, []);
  const outgoing = request({ ...options(incoming, target), headers, setHost: false });
  outgoing.on("error", () => socket.destroy());
  socket.on("close", () => outgoing.destroy());
  outgoing.on("upgrade", (answer, peer: Socket, first) => {
    peer.on("error", () => socket.destroy());
    peer.on("close", () => socket.destroy());
    socket.on("close", () => peer.destroy());
    socket.write(headText(answer, []));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) peer.write(head);
    socket.pipe(peer);
    peer.pipe(socket);
  });
  outgoing.on("response", (answer) => {
    socket.write(headText(answer, [...hopByHop, "content-length"]));
    answer.pipe(socket);
  });
  outgoing.end();
}

function find(incoming: IncomingMessage, locate: Locate): { address: string; port: number } | string {
  const named = readHost(incoming.headers.host);
  if (named) return locate(named);
  return "this is banger's proxy: ask for http://<machine>.localhost or http://<port>.<machine>.localhost";
}

function options(incoming: IncomingMessage, target: { address: string; port: number }): object {
  return {
    host: target.address,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    timeout: connectLimit,
  };
}

function forwarded(incoming: IncomingMessage, without: readonly string[]): string[] {
  const own = ["x-forwarded-host", "x-forwarded-proto"];
  const headers = endToEnd(incoming.rawHeaders, [...without, ...own]);
  return [...headers, "X-Forwarded-Host", incoming.headers.host ?? "", "X-Forwarded-Proto", "http"];
}

/** Names and values in turn, as Node has them, without some; and, if `Connection` goes, without those that it names. */
function endToEnd(raw: readonly string[], without: readonly string[]): string[] {
  const pairs = raw.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, raw[i + 1] ?? ""]] : []));
  const dropped = new Set(without);
  if (dropped.has("connection")) {
    const named = pairs.filter(([name]) => name.toLowerCase() === "connection").map(([, value]) => value);
    for (const name of named.join(",").toLowerCase().split(",")) dropped.add(name.trim());
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}

function headText(answer: IncomingMessage, without: readonly string[]): string {
  const headers = endToEnd(answer.rawHeaders, without);
  const lines = headers.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${headers[i + 1] ?? ""}\r\n`] : []));
  const close = without.length === 0 ? "" : "Connection: close\r\n";
  return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join("")}${close}\r\n`;
}

function explain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}
