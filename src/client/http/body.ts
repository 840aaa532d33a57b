import type { Socket } from "node:net";
import { fault } from "../../lib/errors/error.ts";
import type { Head } from "./head.ts";

/** Longest line that announces a chunk. */
const chunkLineLimit = 1024;
/** Longest field after the body. */
const trailerLimit = 64 * 1024;
const lineEnd = Buffer.from("\r\n");

/**
 * The body of an answer by its framing (RFC 9112, section 6): chunked, of a length, or up to the end of the connection. The
 * connection ends with the iteration. Fields after the last chunk go into `trailers`.
 *
 * @throws channel_closed when it ends early or the framing is wrong
 */
export async function* readBody(
  socket: Socket,
  head: Head,
  rest: Buffer,
  trailers: Map<string, string> = new Map(),
): AsyncGenerator<Buffer> {
  try {
    const source = concatenated(rest, socket);
    const length = head.headers.get("content-length");
    if (head.status === 204 || head.status === 304) return;
    if (head.headers.get("transfer-encoding")?.toLowerCase() === "chunked") yield* chunked(source, trailers);
    else if (length !== undefined) yield* exactly(source, Number(length));
    else yield* source;
  } finally {
    socket.destroy();
  }
}

/** The whole body as text, up to `limit` bytes. */
export async function readText(body: AsyncIterable<Buffer>, limit = 64 * 1024 * 1024): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > limit) throw fault("channel_closed", { reason: "an answer that is too long" });
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

async function* concatenated(rest: Buffer, socket: Socket): AsyncGenerator<Buffer> {
  if (rest.length > 0) yield rest;
  try {
    for await (const piece of socket) yield piece as Buffer;
  } catch (error) {
    throw fault("channel_closed", { reason: "the daemon closed it" }, error);
  }
}

async function* exactly(source: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  let left = length;
  if (left === 0) return;
  for await (const piece of source) {
    const part = piece.subarray(0, left);
    left -= part.length;
    yield part;
    if (left === 0) return;
  }
  throw cutOff();
}

async function* chunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  let over = false;
  let pending: Buffer = Buffer.alloc(0);
  /** Bytes of the chunk that are still to come; undefined between chunks. */
  let left: number | undefined;
  for await (const piece of source) {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece]);
    for (;;) {
      if (over) {
        const end = pending.indexOf(lineEnd);
        if (end === -1 && pending.length > trailerLimit) throw badFraming();
        if (end === -1) break;
        if (end === 0) return;
        const [name = "", ...value] = pending.toString("latin1", 0, end).split(":");
        trailers.set(name.toLowerCase(), value.join(":").trim());
        pending = pending.subarray(end + lineEnd.length);
        continue;
      }
      if (left === undefined) {
        const end = pending.indexOf(lineEnd);
        if (end === -1 && pending.length > chunkLineLimit) throw badFraming();
        if (end === -1) break;
        const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(pending.toString("latin1", 0, end));
        if (!size) throw badFraming();
        pending = pending.subarray(end + lineEnd.length);
        left = Number.parseInt(size[1] as string, 16);
        over = left === 0;
        if (over) continue;
      }
      if (left > 0) {
        const part = pending.subarray(0, left);
        if (part.length === 0) break;
        left -= part.length;
        pending = pending.subarray(part.length);
        yield part;
      }
      if (left > 0 || pending.length < lineEnd.length) break;
      if (!pending.subarray(0, lineEnd.length).equals(lineEnd)) throw badFraming();
      pending = pending.subarray(lineEnd.length);
      left = undefined;
    }
  }
  throw cutOff();
}

function cutOff(): Error {
  return fault("channel_closed", { reason: "the daemon's answer was cut off" });
}

function badFraming(): Error {
  return fault("channel_closed", { reason: "the daemon's answer is malformed" });
}
