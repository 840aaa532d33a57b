import type { CommandSpec } from "../args/spec.ts";

export const doctor = {
  path: ["doctor"],
  summary: "Check what this host can do, and what it lacks",
  description: "Exits with 1 when a check fails.",
  examples: [{ command: "banger doctor", note: "each check with what to do about it" }],
  flags: {},
} as const satisfies CommandSpec;

export const setup = {
  path: ["setup"],
  summary: "Install the host packages that machines need",
  description:
    "Names what is missing and installs it with apt-get, as root or through a sudo that asks for no password. An installed " +
    "banger never does this by itself; one that runs from a checkout does.",
  examples: [
    { command: "sudo banger setup", note: "once, on a new host" },
    { command: "banger setup --dry-run", note: "only say what is missing and the command for it" },
  ],
  flags: { "dry-run": { kind: "boolean", help: "Only print the command" } },
} as const satisfies CommandSpec;

export const version = {
  path: ["version"],
  summary: "Print the version, the build and the versions below it",
  examples: [{ command: "banger version --json", note: "for bug reports" }],
  flags: {},
} as const satisfies CommandSpec;

export const daemonStatus = {
  path: ["daemon", "status"],
  summary: "Show the daemon, without starting it",
  description: "Exits with 1 when none runs.",
  examples: [{ command: "banger daemon status", note: "its build, socket, log and machines" }],
  flags: {},
} as const satisfies CommandSpec;

export const daemonStop = {
  path: ["daemon", "stop"],
  summary: "End the daemon; machines keep running",
  examples: [{ command: "banger daemon stop", note: "the next command starts it again" }],
  flags: {},
} as const satisfies CommandSpec;

export const daemonLogs = {
  path: ["daemon", "logs"],
  summary: "Print the daemon's log",
  examples: [
    { command: "banger daemon logs", note: "for people" },
    { command: "banger daemon logs --json", note: "the lines as they are" },
    { command: "banger daemon logs -f", note: "and go on as it grows; Ctrl-C ends it" },
  ],
  flags: {
    follow: { kind: "boolean", short: "f", help: "Go on as it grows" },
    lines: { kind: "int", short: "n", value: "N", help: "Only the last N lines" },
  },
} as const satisfies CommandSpec;
