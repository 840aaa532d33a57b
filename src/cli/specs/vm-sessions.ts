import type { CommandSpec } from "../args/spec.ts";

const user = { kind: "string", short: "u", value: "USER", help: "User to run as, by name or id" } as const;
const workdir = { kind: "string", short: "w", value: "DIRECTORY", help: "Directory to run in" } as const;
const env = {
  kind: "list",
  short: "e",
  value: "NAME=VALUE",
  help: "Environment variable; a bare NAME takes the value from here; repeatable",
} as const;

export const vmExec = {
  path: ["vm", "exec"],
  summary: "Run a command in a running machine",
  description:
    "Standard input, output and error pass through unchanged, and the exit status is the command's own: 128+N after signal N, " +
    "127 when it was not found. When input and output are both a terminal, the command gets one too.",
  examples: [
    { command: "banger vm exec dev -- systemctl --failed", note: "one command" },
    { command: "banger vm exec dev -- sh -c 'cat > /srv/data' < data", note: "a file goes in" },
    { command: "banger vm exec -u nobody -w /tmp dev -- id", note: "as somebody else, somewhere else" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id" }],
  passthrough: { name: "COMMAND", help: "program and arguments, byte for byte", required: true, bare: true },
  flags: {
    user,
    workdir,
    env,
    tty: {
      kind: "toggle",
      short: "t",
      help: "Give the command a terminal, or none; by itself it has one if you do",
    },
  },
} as const satisfies CommandSpec;

export const vmShell = {
  path: ["vm", "shell"],
  aliases: ["sh"],
  summary: "Open a shell in a running machine",
  examples: [
    { command: "banger vm shell dev", note: "leave it with exit or Ctrl-D; the machine keeps running" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id" }],
  flags: { user, workdir, env },
} as const satisfies CommandSpec;

export const vmLogs = {
  path: ["vm", "logs"],
  summary: "Print a machine's console, or what its agent said",
  description:
    "The console is as the guest wrote it. The agent's lines have their times; --all prints both in the order of their times. The guest " +
    "writes its console without times: banger notes each second how far it has come, so --since may show a little more.",
  examples: [
    { command: "banger vm logs -f dev", note: "and go on as it grows; Ctrl-C ends it" },
    { command: "banger vm logs --since 10m dev", note: "of the last ten minutes" },
    { command: "banger vm logs --all --tail 50 dev", note: "the last lines of everything" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id" }],
  flags: {
    console: { kind: "boolean", help: "The console; so without any of these" },
    agent: { kind: "boolean", help: "What the agent said" },
    all: { kind: "boolean", help: "Both, every line with its time" },
    follow: { kind: "boolean", short: "f", help: "Go on as it grows" },
    since: {
      kind: "string",
      value: "TIME",
      help: "Nothing older: 10m, 2h, or a date such as 2026-01-31T08:00",
    },
    tail: { kind: "int", short: "n", value: "N", help: "Only the last N lines" },
  },
} as const satisfies CommandSpec;
