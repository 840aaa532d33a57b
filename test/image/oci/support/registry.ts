import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import { sendFile, serve } from "../../../support/http-server.ts";
import type { Blob, MadeImage } from "./image.ts";

/** Answers a request in the registry's place; false when it leaves that to the registry. */
export type Interference = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface RegistryDouble {
  /** `127.0.0.1:port` */
  host: string;
  requests: string[];
  /** The `authorization` of every request, in order. */
  logins: (string | undefined)[];
  push(repository: string, tag: string, image: MadeImage): void;
  put(repository: string, name: string, blob: Blob): void;
}

/**
 * A registry on loopback that serves what was pushed, as the distribution specification says: manifests by tag and digest with
 * their media type and digest in the head, blobs by digest and with ranges, errors as JSON.
 */
export async function serveRegistry(
  t: TestContext,
  interfere: Interference = () => false,
): Promise<RegistryDouble> {
  const content = new Map<string, Blob>();
  const logins: (string | undefined)[] = [];
  const server = await serve(t, (request, response, count) => {
    logins.push(request.headers.authorization);
    if (interfere(request, response, count)) return;
    if (request.url === "/v2/") return void response.end("{}");
    const found = content.get(request.url ?? "");
    if (!found) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
      return;
    }
    if (request.url?.includes("/manifests/")) {
      response.setHeader("content-type", found.mediaType);
      response.setHeader("docker-content-digest", found.digest);
    }
    sendFile(request, response, found.bytes);
  });
  const put = (repository: string, name: string, blob: Blob): void => {
    const kind =
      blob.mediaType.includes("manifest") || blob.mediaType.includes("index") ? "manifests" : "blobs";
    for (const key of [name, blob.digest]) content.set(`/v2/${repository}/${kind}/${key}`, blob);
  };
  const push = (repository: string, tag: string, { manifest, config, layers }: MadeImage): void => {
    put(repository, tag, manifest);
    for (const blob of [config, ...layers]) put(repository, blob.digest, blob);
  };
  return { host: `127.0.0.1:${server.port}`, requests: server.requests, logins, push, put };
}

export function basicLogin(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
