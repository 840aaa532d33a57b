import { fault } from "../errors/error.ts";

/** The variables that Node's agents read (`proxyEnv`); the lower-case one wins where both are set. */
const variables = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"] as const;

export type ProxySettings = Partial<Record<(typeof variables)[number], string>>;

/**
 * The proxy variables of an environment, fit for Node's agents, which ignore an address without a scheme and one whose
 * scheme they do not know: traffic would then silently go past the proxy.
 *
 * @throws invalid_value for a proxy that is not an HTTP one
 */
export function proxySettings(env: NodeJS.ProcessEnv): ProxySettings {
  const settings: ProxySettings = {};
  for (const name of variables) {
    const value = env[name]?.trim();
    if (!value) continue;
    settings[name] = name.toLowerCase() === "no_proxy" ? value : proxyAddress(name, value);
  }
  return settings;
}

function proxyAddress(name: string, value: string): string {
  const address = value.includes("://") ? value : `http://${value}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    // A proxy's password does not belong into a message.
    const shown = value.replace(/\/\/[^@/]*@/, "//***@");
    throw fault("invalid_value", {
      what: name,
      value: shown,
      expected: "an HTTP proxy such as http://host:3128",
    });
  }
  return address;
}

/** An environment in which no proxy is asked for this machine's own servers, as other programs that pull images hold it. */
export function sparingLoopback(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const named = env.no_proxy?.trim() || env.NO_PROXY?.trim();
  const own = ["localhost", "127.0.0.1", "::1"];
  return { ...env, no_proxy: [...(named ? [named] : []), ...own].join(",") };
}
