import { fileURLToPath } from "node:url";

/** Where something of a catalog is: a file of this host, or a server. */
export type Address = { kind: "file"; path: string } | { kind: "http"; url: string };

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** @returns a text that says why an address is not taken */
export function parseAddress(text: string): Address | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return "it is no URL";
  if (url.protocol === "file:") {
    return url.host === "" ? { kind: "file", path: fileURLToPath(url) } : "a file URL names no host";
  }
  if (url.username !== "" || url.password !== "") return "a URL with a password in it is not taken";
  if (url.protocol === "https:") return { kind: "http", url: url.href };
  if (url.protocol !== "http:") return `${url.protocol} is neither https: nor file:`;
  return loopback.test(url.hostname) ? { kind: "http", url: url.href } : "http is taken on loopback only";
}
