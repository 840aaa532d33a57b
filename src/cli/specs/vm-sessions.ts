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
    { command: "banger vm exec --timeout 10m dev -- make test", note: "for ten minutes at most" },
    {
      command: "banger vm exec -d dev -- sh -c 'make 2>&1'",
      note: "leave it running; see vm jobs and vm attach",
    },
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
    timeout: {
      kind: "string",
      value: "TIME",
      help: "End the command, and all of its process group, after 90s, 5m or 1h; the exit status is then 124",
    },
    detach: {
      kind: "boolean",
      short: "d",
      help: "Print an id and leave; the command runs on, whatever happens to banger",
    },
  },
} as const satisfies CommandSpec;

export const vmJobs = {
  path: ["vm", "jobs"],
  summary: "List, or end, the detached commands of a machine",
  description:
    "Commands that `vm exec --detach` started: those that run and the last 16 that ended. They begin anew when the machine restarts.",
  examples: [
    { command: "banger vm jobs dev", note: "what runs, and how what ran has ended" },
    { command: "banger vm jobs dev --kill 3", note: "SIGTERM for command 3 and its process group" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id" }],
  flags: {
    kill: { kind: "list", short: "k", value: "ID", help: "End this command instead; repeatable" },
    signal: { kind: "string", short: "s", value: "NAME", help: "Signal for --kill; TERM unless given" },
  },
} as const satisfies CommandSpec;

export const vmAttach = {
  path: ["vm", "attach"],
  summary: "Follow a detached command",
  description:
    "Prints what is kept of its output, which is the last mebibyte, and goes on until it ends; the exit status is its own. " +
    "Ctrl-C leaves it, and it runs on.",
  examples: [{ command: "banger vm attach dev 3", note: "command 3, by the id that vm exec -d printed" }],
  positionals: [
    { name: "VM", help: "the machine, by name, id or the beginning of an id" },
    { name: "ID", help: "the command's number" },
  ],
  flags: {},
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
