import type { CommandSpec } from "../args/spec.ts";

const kernels = [{ name: "KERNEL", help: "the kernels, by name", repeated: true }] as const;

export const kernelList = {
  path: ["kernel", "list"],
  aliases: ["ls"],
  summary: "List kernels",
  examples: [
    { command: "banger kernel list", note: "local ones" },
    { command: "banger kernel list --available", note: "the catalog" },
  ],
  flags: {
    available: { kind: "boolean", short: "a", help: "List the catalog instead, and which of it is local" },
    quiet: { kind: "boolean", short: "q", help: "Print names only" },
  },
} as const satisfies CommandSpec;

export const kernelShow = {
  path: ["kernel", "show"],
  summary: "Show kernels in detail",
  examples: [{ command: "banger kernel show generic-6.1", note: "its release, package and size" }],
  positionals: kernels,
  flags: {},
} as const satisfies CommandSpec;

export const kernelPull = {
  path: ["kernel", "pull"],
  summary: "Fetch a kernel of the catalog",
  description: "`banger vm run` does this by itself when an image names a kernel that is not local.",
  examples: [{ command: "banger kernel pull generic-6.12", note: "from Debian's signed archive" }],
  positionals: [{ name: "KERNEL", help: "a name of `banger kernel list --available`" }],
  flags: {
    force: { kind: "boolean", short: "f", help: "Replace a local one" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const kernelDelete = {
  path: ["kernel", "delete"],
  aliases: ["rm"],
  summary: "Delete local kernels",
  description: "Refused while a machine boots from it.",
  examples: [{ command: "banger kernel rm generic-6.12", note: "frees its room" }],
  positionals: kernels,
  flags: {},
} as const satisfies CommandSpec;
