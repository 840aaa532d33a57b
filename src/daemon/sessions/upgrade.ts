import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { fault } from "../../lib/errors/error.ts";
import type { VmApi } from "../../vm/api.ts";
import { dialProtocol, serveDial } from "./dial-session.ts";
import { execProtocol, serveExec } from "./exec-session.ts";
import { refuseUpgrade } from "./switch-protocol.ts";

/** What a connection may become: `POST /v1/vms/{ref}/<name>` with its protocol's name in `Upgrade`. */
const sessions: Readonly<Record<string, Session>> = {
  exec: { protocol: execProtocol, serve: (vms, ref, _, socket) => serveExec(vms, ref, socket) },
  dial: { protocol: dialProtocol, serve: serveDial },
};

interface Session {
  protocol: string;
  serve(vms: VmApi, ref: string, query: URLSearchParams, socket: Socket): void;
}

/** Answers an upgrade request. Anything that is none of the sessions is refused. */
export function handleUpgrade(vms: VmApi, request: IncomingMessage, socket: Socket, head: Buffer): void {
  socket.on("error", () => socket.destroy());
  const { method = "", url = "", headers } = request;
  const [path = "", query] = url.split("?", 2);
  const [, ref = "", name = ""] = /^\/v1\/vms\/((?:[\w.~-]|%[0-9a-fA-F]{2})+)\/(\w+)$/.exec(path) ?? [];
  const session = Object.hasOwn(sessions, name) ? sessions[name] : undefined;
  if (method !== "POST" || headers.upgrade !== session?.protocol) {
    refuseUpgrade(socket, fault("route_not_found", { method, path }));
    return;
  }
  if (head.length > 0) socket.unshift(head);
  session?.serve(vms, decodeRef(ref), new URLSearchParams(query), socket);
}

/** A name as it stood before it was put into the path; text that is no UTF-8 names nothing. */
function decodeRef(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
