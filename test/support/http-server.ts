import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

export interface TestServer {
  /** Without a slash at the end. */
  url: string;
  port: number;
  /** "GET /path" of every request, in order of arrival. */
  requests: string[];
}

/** An HTTP server on loopback that ends with the test. `count` is the number of earlier requests. */
export async function serve(t: TestContext, handler: Handler): Promise<TestServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const count = requests.length;
    requests.push(`${request.method} ${request.url}`);
    handler(request, response, count);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

/** Answers with a file's bytes, honouring a range that is open to the end. */
export function sendFile(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start === 0) {
    response.writeHead(200, { "content-length": content.length });
    response.end(content);
    return;
  }
  if (start >= content.length) {
    response.writeHead(416, { "content-range": `bytes */${content.length}` });
    response.end();
    return;
  }
  const rest = content.subarray(start);
  const range = `bytes ${start}-${content.length - 1}/${content.length}`;
  response.writeHead(206, { "content-length": rest.length, "content-range": range });
  response.end(rest);
}
