import { createConnection, type Socket } from "node:net";
import { errnoOf, fault, messageOf } from "../../lib/errors/error.ts";
import { checkSocketPath } from "../../lib/socket-path.ts";
import { readBody } from "./body.ts";
import { type Head, parseHead } from "./head.ts";
import { upload } from "./upload.ts";

/**
 * A small HTTP/1.1 client over a unix socket, for our own daemon only: one request a connection. Node's own client costs
 * more to load than a whole `banger vm list` takes.
 */
export interface RequestOptions {
  socket: string;
  method: string;
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it comes, instead of a body. */
  upload?: AsyncIterable<Uint8Array>;
  signal?: AbortSignal | undefined;
  /** Leaves an upgraded connection open for writing when the other side has ended. */
  halfOpen?: boolean;
}

export interface Response extends Head {
  body: AsyncIterable<Buffer>;
  /** Fields after the body, names in lower case; there when it has been read to its end. */
  trailers: ReadonlyMap<string, string>;
  /** Ends the connection; the body then ends too. */
  close(): void;
}

export interface Upgraded {
  socket: Socket;
  /** What came after the head in the same piece. */
  rest: Buffer;
}

/** @throws daemon_unreachable, path_too_long, interrupted */
export async function request(options: RequestOptions): Promise<Response> {
  return answer(await exchange(options, {}));
}

/** Asks for a protocol switch; gives the socket on 101, and the answer as it is otherwise. */
export async function upgrade(options: RequestOptions, protocol: string): Promise<Upgraded | Response> {
  const headers = { Connection: "Upgrade", Upgrade: protocol };
  const exchanged = await exchange(options, headers);
  if (exchanged.head.status === 101) return exchanged;
  return answer(exchanged);
}

function answer({ socket, head, rest }: Exchanged): Response {
  const trailers = new Map<string, string>();
  return { ...head, trailers, body: readBody(socket, head, rest, trailers), close: () => socket.destroy() };
}

interface Exchanged {
  socket: Socket;
  head: Head;
  rest: Buffer;
}

async function exchange(options: RequestOptions, extra: Record<string, string>): Promise<Exchanged> {
  const socket = await connect(options);
  try {
    socket.write(requestText(options, extra));
    const head = readHead(socket, options);
    if (options.upload) await upload(socket, options.upload, head);
    return { socket, ...(await head) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function requestText(options: RequestOptions, extra: Record<string, string>): string {
  const body = options.body === undefined ? "" : JSON.stringify(options.body);
  const headers: Record<string, string> = {
    Host: "banger",
    // A connection that the daemon closes while we still write would take its answer with it.
    Connection: options.upload ? "keep-alive" : "close",
    ...options.headers,
    ...extra,
  };
  if (options.upload) headers["Transfer-Encoding"] = "chunked";
  else if (options.method !== "GET") headers["Content-Length"] = String(Buffer.byteLength(body));
  if (body) headers["Content-Type"] = "application/json";
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${options.method} ${options.path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

function connect({ socket: path, signal, halfOpen = false }: RequestOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(fault("interrupted", { what: "the request" }, signal.reason));
    const socket = createConnection({ path: checkSocketPath(path), allowHalfOpen: halfOpen });
    const onAbort = (): void => {
      socket.destroy();
      reject(fault("interrupted", { what: "the request" }, signal?.reason));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("close", () => signal?.removeEventListener("abort", onAbort));
    socket.once("error", (error) => reject(unreachable(path, error)));
    socket.once("connect", () => resolve(socket));
  });
}

/** Reads up to the empty line. The socket is left paused, with what followed given back. */
function readHead(socket: Socket, options: RequestOptions): Promise<{ head: Head; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let pending: Buffer = Buffer.alloc(0);
    const settle = (act: () => void): void => {
      socket.off("data", onData).off("end", onEnd).off("error", onError).off("close", onEnd).pause();
      act();
    };
    const onData = (chunk: Buffer): void => {
      pending = Buffer.concat([pending, chunk]);
      const parsed = parseHead(pending);
      if (parsed === "malformed") settle(() => reject(malformed(options.socket)));
      else if (parsed) settle(() => resolve(parsed));
    };
    const onEnd = (): void => {
      const aborted = options.signal?.aborted;
      settle(() =>
        reject(
          aborted
            ? fault("interrupted", { what: "the request" }, options.signal?.reason)
            : fault("daemon_unreachable", { socket: options.socket, reason: "it closed the connection" }),
        ),
      );
    };
    const onError = (error: Error): void => settle(() => reject(unreachable(options.socket, error)));
    // The socket may fail once more after the head; the body's reader then tells.
    socket.on("error", () => undefined);
    socket.on("data", onData).once("end", onEnd).once("error", onError).once("close", onEnd);
  });
}

function unreachable(socket: string, error: Error): Error {
  return fault("daemon_unreachable", { socket, reason: errnoOf(error) ?? messageOf(error) }, error);
}

function malformed(socket: string): Error {
  return fault("daemon_unreachable", { socket, reason: "its answer is not HTTP" });
}
