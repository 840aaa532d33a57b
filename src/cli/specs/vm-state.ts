import type { CommandSpec } from "../args/spec.ts";

const machines = [
  { name: "VM", help: "the machines, by name, id or the beginning of an id", repeated: true },
] as const;
const quiet = { kind: "boolean", short: "q", help: "Print no progress" } as const;
const timeout = {
  kind: "int",
  short: "t",
  value: "SECONDS",
  help: "How long the guest may take to shut down before it is synced and ended (30)",
} as const;

export const vmStart = {
  path: ["vm", "start"],
  summary: "Start machines",
  examples: [{ command: "banger vm start dev web", note: "several at once" }],
  positionals: machines,
  flags: { quiet, timing: { kind: "boolean", help: "Print how long each phase took, on standard error" } },
} as const satisfies CommandSpec;

export const vmStop = {
  path: ["vm", "stop"],
  summary: "Shut machines down; their disks stay",
  examples: [{ command: "banger vm stop dev", note: "everything written is kept" }],
  positionals: machines,
  flags: { timeout, quiet },
} as const satisfies CommandSpec;

export const vmRestart = {
  path: ["vm", "restart"],
  summary: "Stop machines and start them again",
  examples: [{ command: "banger vm restart dev", note: "also brings what `banger vm set` changed" }],
  positionals: machines,
  flags: { timeout, quiet },
} as const satisfies CommandSpec;

export const vmKill = {
  path: ["vm", "kill"],
  summary: "End machines at once, when stop hangs",
  description: "Sends a signal to the machine's process on this host. What the guest had not synced is lost.",
  examples: [{ command: "banger vm kill dev", note: "like pulling the plug" }],
  positionals: machines,
  flags: {
    signal: {
      kind: "string",
      short: "s",
      value: "SIGNAL",
      help: "TERM, INT, HUP, … with or without SIG (KILL)",
    },
    quiet,
  },
} as const satisfies CommandSpec;

export const vmDelete = {
  path: ["vm", "delete"],
  aliases: ["rm"],
  summary: "Delete machines and their disks",
  description: "A running machine is ended first. There is no way back.",
  examples: [{ command: "banger vm delete dev web", note: "two of them" }],
  positionals: machines,
  flags: { quiet },
} as const satisfies CommandSpec;

export const vmPrune = {
  path: ["vm", "prune"],
  summary: "Delete every machine that does not run",
  examples: [
    { command: "banger vm prune", note: "names them and asks first" },
    { command: "banger vm prune -f", note: "does not ask" },
  ],
  flags: { force: { kind: "boolean", short: "f", help: "Do not ask" }, quiet },
} as const satisfies CommandSpec;

export const vmCommit = {
  path: ["vm", "commit"],
  summary: "Make an image of a machine's disk",
  description:
    "The image holds what the machine's disk holds, without what made it this machine's: machine-id, ssh host keys, random seed, " +
    "journal. It keeps the environment, user and entrypoint of the machine's own image. The machine must be stopped and stays as it is.",
  examples: [
    { command: "banger vm commit dev --name prepared", note: "then: banger vm run --image prepared" },
    { command: "banger vm commit dev --name prepared --stop", note: "stops it first" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id" }],
  flags: {
    name: { kind: "string", value: "IMAGE", help: "Name of the image" },
    stop: { kind: "boolean", help: "Stop the machine first, if it runs" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;
