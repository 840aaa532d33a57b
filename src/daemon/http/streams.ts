import type { IncomingMessage, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context as HonoContext } from "hono";
import { drained } from "../../lib/drained.ts";
import { asFault, fault } from "../../lib/errors/error.ts";

/** Node's own request and answer, which carry long streams without a copy into those of the web. */
interface NodeBindings {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

/** The trailer with the problem that ended an answer early, whose status said 200: the problem document, percent-encoded. */
const problemTrailer = "Banger-Problem";

/** The body of a request as it comes. It fails when the client goes away before its end. */
export function uploadOf(context: HonoContext): AsyncIterable<Buffer> {
  const { incoming } = context.env as NodeBindings;
  return upload(incoming);
}

/** Sends an archive as fast as the client reads it, and stops making it when the client leaves. */
export async function answerTar(context: HonoContext, archive: AsyncIterable<Buffer>): Promise<Response> {
  const { outgoing } = context.env as NodeBindings;
  outgoing.writeHead(200, {
    ...Object.fromEntries(context.res.headers),
    "Content-Type": "application/x-tar",
    Trailer: problemTrailer,
  });
  try {
    for await (const piece of archive) {
      if (outgoing.destroyed) break;
      if (!outgoing.write(piece)) await drained(outgoing);
    }
  } catch (error) {
    const problem = encodeURIComponent(JSON.stringify(asFault(error).toProblem()));
    outgoing.addTrailers({ [problemTrailer]: problem });
  }
  outgoing.end();
  return RESPONSE_ALREADY_SENT;
}

async function* upload(incoming: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    // An answer that is given before the body's end goes to a client that is still there.
    for await (const piece of incoming.iterator({ destroyOnReturn: false })) yield piece as Buffer;
  } catch (error) {
    throw fault("interrupted", { what: "the copy" }, error);
  }
}
