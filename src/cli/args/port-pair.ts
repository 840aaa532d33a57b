import { fault } from "../../lib/errors/error.ts";
import { parsePort } from "./target.ts";

export interface PortPair {
  host: number;
  guest: number;
}

/** `HOST:GUEST`, or one port for both. @throws invalid_value */
export function parsePortPair(text: string, what: string): PortPair {
  const [first = "", second = first, ...more] = text.split(":");
  const [host, guest] = [parsePort(first), parsePort(second)];
  if (host === undefined || guest === undefined || more.length > 0) {
    throw fault("invalid_value", {
      what,
      value: text,
      expected: "two ports as HOST:GUEST, each from 1 to 65535",
    });
  }
  return { host, guest };
}
