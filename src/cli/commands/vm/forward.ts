import { createServer, type Server, type Socket } from "node:net";
import type { Banger } from "../../../client/banger.ts";
import { errnoOf, fault, isFault } from "../../../lib/errors/error.ts";
import { parsePortPair } from "../../args/port-pair.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { vmForward } from "../../specs/vm-ports.ts";
import type { World } from "../../world.ts";

const loopback = "127.0.0.1";

export async function run(
  { flags, positionals }: Invocation<typeof vmForward>,
  world: World,
): Promise<number> {
  const [ref = "", pair = ""] = positionals;
  const { host, guest } = parsePortPair(pair, "HOST:GUEST");
  const { signal } = world.interrupts;
  const banger = world.connect();
  // A machine that is not there is to be said now, and not to whoever connects.
  await banger.vms.show(ref);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void carry(banger, ref, guest, socket, world);
  });
  await listen(server, host);
  const endpoint = `${loopback}:${host}`;
  if (flags.json) printJson(world.stdout, { endpoint, guest });
  else world.stdout.write(`${endpoint} is port ${guest} of ${ref}; Ctrl-C ends it\n`);
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  server.close();
  for (const socket of sockets) socket.destroy();
  return world.interrupts.status ?? 0;
}

async function carry(banger: Banger, ref: string, port: number, socket: Socket, world: World): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    const connection = await banger.vms.dial(ref, { port, signal: world.interrupts.signal });
    connection.on("error", () => socket.resetAndDestroy());
    connection.on("close", () => socket.destroySoon());
    socket.on("close", () => connection.destroy());
    socket.pipe(connection);
    connection.pipe(socket);
  } catch (error) {
    socket.resetAndDestroy();
    if (!isFault(error, "interrupted")) world.stderr.write(`${(error as Error).message}\n`);
  }
}

async function listen(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: loopback, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    const reasons: Record<string, string> = { EACCES: "only root may open it", EADDRINUSE: "it is taken" };
    const code = errnoOf(error) ?? "unknown";
    throw fault("port_unavailable", { port, reason: reasons[code] ?? code }, error);
  }
}
