import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryDirectory } from "../../../support/temporary.ts";

export const greeting = {
  QMP: {
    version: { qemu: { major: 7, minor: 2, micro: 22 }, package: "Debian 1:7.2" },
    capabilities: ["oob"],
  },
};

export interface Request {
  execute: string;
  arguments?: unknown;
  id: number;
}

/** QEMU's control socket as a test wants it: what it greets with, and how it answers a command. */
export interface QmpBehaviour {
  /** The default greets; a text is sent as it is; undefined sends nothing. */
  greeting?: unknown;
  /** Gives the object to answer with; undefined answers nothing. */
  answer?: (request: Request, socket: Socket) => object | undefined;
}

export interface QmpDouble {
  readonly path: string;
  readonly requests: Request[];
  readonly clients: Socket[];
  /** Sends an object, or a text as it is, to every client. */
  send(message: object | string): void;
  close(): Promise<void>;
}

export async function qmpDouble(
  context: Pick<TestContext, "after">,
  behaviour: QmpBehaviour = {},
  path = join(temporaryDirectory(context), "monitor.sock"),
): Promise<QmpDouble> {
  const requests: Request[] = [];
  const clients: Socket[] = [];
  const server = createServer((socket) => {
    clients.push(socket);
    socket.on("error", () => undefined);
    const first = "greeting" in behaviour ? behaviour.greeting : greeting;
    if (first !== undefined) write(socket, first as object | string);
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const request = JSON.parse(line) as Request;
        requests.push(request);
        const reply = behaviour.answer ? behaviour.answer(request, socket) : { return: {}, id: request.id };
        if (reply) write(socket, reply);
      }
    });
  });
  server.listen(path);
  await once(server, "listening");
  const close = async (): Promise<void> => await closeServer(server, clients);
  context.after(close);
  return {
    path,
    requests,
    clients,
    send: (message) => {
      for (const socket of clients) write(socket, message);
    },
    close,
  };
}

function write(socket: Socket, message: object | string): void {
  socket.write(typeof message === "string" ? message : `${JSON.stringify(message)}\r\n`);
}

async function closeServer(server: Server, clients: Socket[]): Promise<void> {
  for (const socket of clients) socket.destroy();
  if (!server.listening) return;
  server.close();
  await once(server, "close");
}
