import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** How often another address is tried before one that is in use is taken all the same. */
const attempts = 1000;

/**
 * The loopback address of a machine, in 127.64.0.0/10: the same for the same id, unless it is taken. The rest of 127.0.0.0/8 is
 * left to others, who have chosen addresses such as 127.0.0.53 and 127.0.1.1.
 */
export function chooseAddress(id: string, isTaken: (address: string) => boolean): string {
  let address = "";
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const [a = 0, b = 0, c = 0] = createHash("sha256").update(`${id} ${attempt}`).digest();
    address = `127.${64 + (a % 64)}.${b}.${1 + (c % 254)}`;
    if (!isTaken(address)) return address;
  }
  return address;
}

/** IPv4 addresses on which something of this host listens, from the kernel's table (proc_net_tcp.txt of its documentation). */
export function listeningAddresses(table = readTable()): Set<string> {
  const lines = table.split("\n").slice(1);
  return new Set(
    lines.flatMap((line) => {
      const [, hex] = /^\s*\d+: ([0-9A-F]{8}):[0-9A-F]{4} [0-9A-F]+:[0-9A-F]+ 0A /.exec(line) ?? [];
      return hex === undefined ? [] : [dotted(hex)];
    }),
  );
}

/** The kernel prints the address as a number of this machine, which is little-endian. */
function dotted(hex: string): string {
  return Array.from(Buffer.from(hex, "hex").reverse()).join(".");
}

function readTable(): string {
  try {
    return readFileSync("/proc/net/tcp", "utf8");
  } catch {
    // Without /proc nothing is known to be taken.
    return "";
  }
}
