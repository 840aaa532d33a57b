import { lookup } from "node:dns/promises";
import { within } from "../../lib/deadline.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import { probeAddress, probeName } from "../../network/dns/answer.ts";
import type { ServerState } from "../../network/names.ts";
import type { Finding } from "./report.ts";

/** Milliseconds for the host's resolver to answer. */
const patience = 5000;

/** Whether this host finds `<name>.vm`: asks its resolver for a name that only our DNS server knows. */
export async function lookAtNames(
  { dns, proxy }: { dns: ServerState; proxy: ServerState },
  signal: AbortSignal,
  resolve: (name: string) => Promise<string> = systemLookup,
): Promise<Finding> {
  const other =
    proxy.problem === undefined
      ? `http://<name>.localhost:${proxy.endpoint.split(":").at(-1)} works without`
      : `the proxy on ${proxy.endpoint} does not run: ${proxy.problem}`;
  if (dns.problem !== undefined) {
    return {
      verdict: "warn",
      detail: `the DNS server on ${dns.endpoint} does not run: ${dns.problem}; ${other}`,
      remedy: "Choose another endpoint as network.dns in config.toml, then run `banger daemon stop`",
    };
  }
  const found = await within("a name", patience, resolve(probeName), signal).catch(errnoOf);
  if (found === probeAddress)
    return { verdict: "pass", detail: `<name>.vm resolves through ${dns.endpoint}` };
  return {
    verdict: "warn",
    detail: `<name>.vm does not resolve on this host; ${other}`,
    remedy: `Have this host's resolver send the zone vm to ${dns.endpoint}: see docs/networking.md`,
  };
}

async function systemLookup(name: string): Promise<string> {
  return (await lookup(name, { family: 4 })).address;
}
