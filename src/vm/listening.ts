import { text } from "node:stream/consumers";
import type { Agent } from "./ports.ts";

/** State of a socket that listens, in /proc/net/tcp. */
const listen = "0A";

/** Whether something in the guest listens on a TCP port, at whatever address. @throws what the agent throws */
export async function isListening(
  agent: Pick<Agent, "exec">,
  port: number,
  signal: AbortSignal,
): Promise<boolean> {
  const args = ["cat", "/proc/net/tcp", "/proc/net/tcp6"];
  const process = await agent.exec({ args, user: "root", cwd: "/" }, signal);
  process.stdin.end();
  process.stderr.resume();
  // A guest without IPv6 has but one of the two.
  const [table] = await Promise.all([text(process.stdout), process.exited]);
  return listeningPorts(table).has(port);
}

/** The local ports of the sockets that listen: `sl local_address rem_address st …`, numbers in hexadecimal. */
export function listeningPorts(table: string): Set<number> {
  const ports = new Set<number>();
  for (const [, port = "", state] of table.matchAll(
    /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm,
  )) {
    if (state === listen) ports.add(Number.parseInt(port, 16));
  }
  return ports;
}
