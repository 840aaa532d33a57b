import type { CommandSpec } from "../args/spec.ts";

export const vmList = {
  path: ["vm", "list"],
  aliases: ["ls"],
  summary: "List all machines",
  examples: [
    { command: "banger vm list", note: "a table" },
    { command: "banger vm delete $(banger vm list -q)", note: "delete every machine" },
    { command: "banger vm list --json", note: "for programs" },
  ],
  flags: {
    quiet: { kind: "boolean", short: "q", help: "Print ids only" },
    running: { kind: "boolean", help: "Only running machines" },
  },
} as const satisfies CommandSpec;

export const ps = {
  path: ["ps"],
  summary: "List running machines",
  examples: [{ command: "banger ps", note: "the same as `banger vm list --running`" }],
  flags: { quiet: { kind: "boolean", short: "q", help: "Print ids only" } },
} as const satisfies CommandSpec;

export const vmShow = {
  path: ["vm", "show"],
  summary: "Show machines in detail",
  examples: [
    { command: "banger vm show dev", note: "one machine" },
    { command: "banger vm show --json dev", note: "for programs" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id", repeated: true }],
  flags: {},
} as const satisfies CommandSpec;

export const vmSet = {
  path: ["vm", "set"],
  summary: "Change the size of machines",
  description:
    "A stopped machine changes at once. A running one keeps its size until it is restarted, and this says what waits. Disks " +
    "only grow.",
  examples: [
    { command: "banger vm set dev --vcpu 4 --memory 8G", note: "more of everything at the next start" },
    { command: "banger vm set dev --no-nat", note: "take the network card away" },
  ],
  positionals: [{ name: "VM", help: "the machines, by name, id or the beginning of an id", repeated: true }],
  flags: {
    vcpu: { kind: "int", value: "N", help: "Processors" },
    memory: { kind: "size", short: "m", value: "SIZE", help: "Memory, such as 2G" },
    disk: { kind: "size", value: "SIZE", help: "Disk, such as 20G; never smaller than it is" },
    nat: { kind: "toggle", help: "Give it a network card that reaches the outside, or take it away" },
  },
} as const satisfies CommandSpec;
