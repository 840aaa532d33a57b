import { randomBytes } from "node:crypto";
import type { Context as HonoContext } from "hono";
import { Hono } from "hono";
import type { Logger } from "pino";
import type { z } from "zod";
import { asFault, type BangerError, fault } from "../../lib/errors/error.ts";
import { build } from "../../lib/version.ts";
import { type Route, routes } from "../../model/api/routes.ts";
import type { Call, Handlers } from "./handlers.ts";
import { answerTar, uploadOf } from "./streams.ts";

type AnyHandler = (call: Call<Route>) => unknown;

/** The HTTP side of the daemon: every route of the contract, validated, answered as JSON or as a stream. */
export function makeApp(handlers: Handlers, log: Logger): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    const id = randomBytes(4).toString("hex");
    context.header("X-Request-Id", id);
    context.header("Api-Version", "v1");
    const client = context.req.header("banger-build");
    if (client !== undefined && client !== build()) {
      throw fault("daemon_other_build", { daemon: build(), client });
    }
    await next();
    log.debug({ id, method: context.req.method, path: context.req.path, status: context.res.status });
  });
  for (const [name, route] of Object.entries(routes) as [keyof Handlers, Route][]) {
    const handler = handlers[name] as AnyHandler | undefined;
    if (!handler) continue;
    app.on(route.method, honoPath(route), (context) => answer(context, route, handler));
  }
  app.notFound((context) => {
    const { method, path } = context.req;
    return problem(fault("route_not_found", { method, path }));
  });
  app.onError((error) => {
    const known = asFault(error);
    if (known.code === "internal") log.error({ err: error }, "internal error");
    return problem(known);
  });
  return app;
}

/** An error as a problem document (RFC 9457) with our own members beside the standard ones. */
export function problem(error: BangerError): Response {
  const body = { type: "about:blank", title: error.message, status: error.status, ...error.toProblem() };
  const headers = { "Content-Type": "application/problem+json" };
  return new Response(JSON.stringify(body), { status: error.status, headers });
}

/** `/vms/{ref}` of the contract as hono writes it. */
function honoPath({ path }: Route): string {
  return `/v1${path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
}

async function answer(context: HonoContext, route: Route, handler: AnyHandler): Promise<Response> {
  const call = {
    params: context.req.param() as Record<string, string>,
    body: route.body ? parse(route.body, await jsonBody(context)) : undefined,
    query: route.query ? parse(route.query, context.req.query()) : undefined,
    upload: route.upload ? uploadOf(context) : undefined,
    signal: context.req.raw.signal,
  } as Call<Route>;
  const result = await handler(call);
  if (!route.stream) return context.json(result, route.status);
  if (route.stream === "tar") return await answerTar(context, result as AsyncIterable<Buffer>);
  const types = { ndjson: "application/x-ndjson", text: "text/plain; charset=utf-8", upgrade: "" };
  const body = byteStream(result as AsyncIterable<Buffer | string>);
  return context.body(body, 200, { "Content-Type": types[route.stream] });
}

/** A body that pulls from the source only as fast as the client reads, and ends the source when the client leaves. */
function byteStream(source: AsyncIterable<Buffer | string>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

async function jsonBody(context: HonoContext): Promise<unknown> {
  const text = await context.req.text();
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault("invalid_request", { problems: ["the body is not JSON"] }, error);
  }
}

function parse(schema: z.ZodObject, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  // The library's own error is these problems again, as JSON.
  throw fault("invalid_request", { problems });
}
