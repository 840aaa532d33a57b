import type { Socket } from "node:net";
import { asFault, fault } from "../../lib/errors/error.ts";
import { type DialRequest, dialRequestSchema } from "../../model/api/requests.ts";
import { join } from "../../network/join.ts";
import type { VmApi } from "../../vm/api.ts";
import { refuseUpgrade, switchProtocol } from "./switch-protocol.ts";

/** The name of the upgraded protocol: no frames, only the connection's own bytes. */
export const dialProtocol = "banger-dial/1";

/** Connects a client to what listens in a guest. It is told why not before anything is switched. */
export function serveDial(vms: VmApi, ref: string, query: URLSearchParams, socket: Socket): void {
  const gone = new AbortController();
  // A client has nothing to say before it has its answer: what can be read then is that it left.
  const look = (): void => {
    if (socket.readableLength === 0) gone.abort();
  };
  socket.on("readable", look);
  const connect = async (): Promise<void> => {
    try {
      const connection = await vms.dial(ref, readRequest(query), gone.signal);
      socket.off("readable", look);
      switchProtocol(socket, dialProtocol);
      join(socket, connection);
    } catch (error) {
      socket.off("readable", look);
      refuseUpgrade(socket, asFault(error));
      socket.resume();
    }
  };
  void connect();
}

/** @throws invalid_request */
function readRequest(query: URLSearchParams): DialRequest {
  const { success, data, error } = dialRequestSchema.safeParse(Object.fromEntries(query));
  if (!success) {
    const problems = error.issues.map(({ path, message }) => `${path.join(".") || "query"}: ${message}`);
    throw fault("invalid_request", { problems }, error);
  }
  if ((data.port === undefined) === (data.path === undefined)) {
    throw fault("invalid_request", { problems: ["either a port or a path is to be given"] });
  }
  return data;
}
