import { createServer, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";

export interface Recorded {
  method: string;
  path: string;
  body: unknown;
}

/** Answers a request, or leaves it to the usual: 204. True when it has. */
export type Respond = (request: Recorded, response: ServerResponse) => boolean;

/** A socket that takes any request of Firecracker's API and remembers it. Ends with the test. */
export async function record(
  t: TestContext,
  socket: string,
  respond: Respond = () => false,
): Promise<Recorded[]> {
  const requests: Recorded[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((payload) => {
      const { method = "", url: path = "" } = request;
      const recorded = { method, path, body: payload === "" ? undefined : (JSON.parse(payload) as unknown) };
      requests.push(recorded);
      if (!respond(recorded, response)) response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return requests;
}

export function answer(response: ServerResponse, status: number, body: unknown): true {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  return true;
}
