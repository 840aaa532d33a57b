import type { CommandSpec } from "../args/spec.ts";

const vm = { name: "VM", help: "the machine, by name, id or the beginning of an id" } as const;

export const vmDial = {
  path: ["vm", "dial"],
  summary: "Connect standard input and output to a port of a machine",
  description:
    "TARGET is a TCP port, on the machine's loopback; ADDRESS:PORT, for another address as the machine sees it; or the path of a " +
    "unix socket in it. Ends when the machine's side does. It is what ssh and the like want for a ProxyCommand.",
  examples: [
    { command: "banger vm dial dev 22", note: "as ssh -o ProxyCommand='banger vm dial dev %p' runs it" },
    { command: "banger vm dial dev /run/docker.sock", note: "a unix socket" },
  ],
  positionals: [vm, { name: "TARGET", help: "a port, ADDRESS:PORT, or an absolute path" }],
  flags: {},
} as const satisfies CommandSpec;
