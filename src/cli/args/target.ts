import { fault } from "../../lib/errors/error.ts";

export interface Target {
  port?: number;
  address?: string;
  path?: string;
}

/** `PORT`, `ADDRESS:PORT`, `[IPV6]:PORT` or `/path`. @throws invalid_value */
export function parseTarget(text: string): Target {
  if (text.startsWith("/")) return { path: text };
  const [, bracketed, plain, digits = text] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d+)$/.exec(text) ?? [];
  const port = parsePort(digits);
  const address = bracketed ?? plain;
  if (port === undefined) {
    throw fault("invalid_value", {
      what: "TARGET",
      value: text,
      expected: "a port from 1 to 65535, ADDRESS:PORT, or an absolute path",
    });
  }
  return address === undefined ? { port } : { port, address };
}

/** 1 to 65535. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
