import type { CommandSpec } from "../args/spec.ts";

const interval = { kind: "int", value: "SECONDS", help: "Time between two looks (2)" } as const;

export const vmStats = {
  path: ["vm", "stats"],
  summary: "Show what machines take: processor, memory, disk, network",
  description:
    "Without a name it shows every machine that runs. HOST CPU is what the machine takes of the host, 100 % being one processor; " +
    "GUEST CPU is how busy its own processors are. PRIVATE is memory of the host that its end would free, SHARED is memory that " +
    "others use, too. NET counts its network card and the channel to it together.",
  examples: [
    { command: "banger vm stats", note: "all that run, once" },
    { command: "banger vm stats dev --watch", note: "again and again; q or Ctrl-C ends it" },
    { command: "banger vm stats --json", note: "every number, for programs" },
  ],
  positionals: [
    {
      name: "VM",
      help: "the machines, by name, id or the beginning of an id",
      repeated: true,
      optional: true,
    },
  ],
  flags: {
    watch: { kind: "boolean", short: "w", help: "Go on; with --json a line of JSON each time" },
    interval,
  },
} as const satisfies CommandSpec;

export const vmTop = {
  path: ["vm", "top"],
  summary: "Watch what all machines take",
  description:
    "On a terminal it goes on until q is pressed: c, m, d and n sort by processor, memory, disk and name. Otherwise it prints one " +
    "table.",
  examples: [{ command: "banger vm top", note: "the busiest machine comes first" }],
  flags: { interval },
} as const satisfies CommandSpec;

export const vmWait = {
  path: ["vm", "wait"],
  summary: "Wait until machines are ready, or have ended",
  description:
    "Waits for each thing that --for names, all of them when it is given several times: `agent` (commands run), `system` (systemd has started " +
    "everything), `port:8080` (something in the guest listens there), `exit` (the machine does not run any more). At the deadline it exits with " +
    "124, and says what it still waited for.",
  examples: [
    { command: "banger vm wait dev --for system --timeout 2m", note: "all services are up" },
    { command: "banger vm wait dev --for port:8080 && curl ...", note: "the program in it is ready" },
    { command: "banger vm wait dev --for exit", note: "until it powers itself off" },
  ],
  positionals: [{ name: "VM", help: "the machines, by name, id or the beginning of an id", repeated: true }],
  flags: {
    for: { kind: "list", value: "TARGET", help: "agent, system, port:N or exit; repeatable (agent)" },
    timeout: {
      kind: "string",
      short: "t",
      value: "TIME",
      help: "How long at most, such as 30s or 5m; without it there is no end",
    },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;
