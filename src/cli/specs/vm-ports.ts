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

export const vmPorts = {
  path: ["vm", "ports"],
  summary: "List what a machine listens on, and where that is on this host",
  description:
    "Every TCP port that something in the machine listens on is on the machine's own address of this host, by itself; so are " +
    "those that it was published on.",
  examples: [
    { command: "banger vm ports dev", note: "a table" },
    { command: "banger vm ports dev --json", note: "for programs" },
  ],
  positionals: [vm],
  flags: {},
} as const satisfies CommandSpec;

export const vmForward = {
  path: ["vm", "forward"],
  summary: "Forward a port of this host to a machine until Ctrl-C",
  description:
    "Listens on this host's loopback. `--publish` of `banger vm run` does it for as long as the machine lives.",
  examples: [
    { command: "banger vm forward dev 8080:80", note: "http://127.0.0.1:8080 is port 80 of the machine" },
  ],
  positionals: [vm, { name: "HOST:GUEST", help: "the two ports; one alone stands for both" }],
  flags: {},
} as const satisfies CommandSpec;
