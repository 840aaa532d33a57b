import { z } from "zod";
import { version } from "../lib/version.ts";
import { type Route, routes } from "../model/api/routes.ts";
import { problemSchema } from "../model/operation.ts";

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 description of the API, made from the contract (https://spec.openapis.org/oas/v3.1.1). */
export function openApiDocument(): string {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    const path = `/v1${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(name, route) };
  }
  const document = {
    openapi: "3.1.1",
    info: {
      title: "banger",
      version: version(),
      description:
        "The daemon's API, over a unix socket that only its user can open. Long work answers 202 with an operation; its progress is NDJSON.",
    },
    servers: [{ url: "http://banger" }],
    paths,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function operationOf(name: string, route: Route): Json {
  return {
    operationId: name,
    summary: route.summary,
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(route.upload ? { requestBody: { required: true, content: binary(route.upload) } } : {}),
    ...(route.body ? { requestBody: { required: true, content: json(route.body, "input") } } : {}),
    responses: { [successStatus(route)]: success(route), default: failure() },
  };
}

function successStatus(route: Route): string {
  return route.stream === "upgrade" ? "101" : String(route.status);
}

function success(route: Route): Json {
  switch (route.stream) {
    case "upgrade":
      return { description: "Upgraded; see docs/api.md" };
    case "ndjson":
      return {
        description: "Events, one a line",
        content: { "application/x-ndjson": { schema: { type: "string" } } },
      };
    case "text":
      return { description: "Text as it comes", content: { "text/plain": { schema: { type: "string" } } } };
    case "tar":
      return { description: "A tar archive as it is made", content: binary("application/x-tar") };
    default:
      return { description: route.summary, content: json(route.answer, "output") };
  }
}

function failure(): Json {
  const schema = schemaOf(problemSchema, "output");
  return { description: "A problem (RFC 9457)", content: { "application/problem+json": { schema } } };
}

function json(schema: z.ZodType, io: "input" | "output"): Json {
  return { "application/json": { schema: schemaOf(schema, io) } };
}

function binary(type: string): Json {
  return { [type]: { schema: { type: "string", format: "binary" } } };
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: "draft-2020-12" });
  return rest;
}

function pathParameters({ path }: Route): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Route): Json[] {
  const shape: Record<string, z.ZodType> = query?.shape ?? {};
  return Object.entries(shape).map(([name, schema]) => ({
    name,
    in: "query",
    ...(schema.safeParse(undefined).success ? {} : { required: true }),
    schema: schemaOf(schema, "output"),
  }));
}
