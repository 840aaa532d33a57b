import type { CommandSpec } from "../args/spec.ts";
import { machineFlags } from "./vm-run.ts";

const { image, kernel, vcpu, memory, disk, nat } = machineFlags;

export const templateList = {
  path: ["template", "list"],
  aliases: ["ls"],
  summary: "List templates",
  examples: [{ command: "banger template list", note: "what there is to copy, last used first" }],
  flags: {
    quiet: { kind: "boolean", short: "q", help: "Print ids only" },
  },
} as const satisfies CommandSpec;

export const templateBuild = {
  path: ["template", "build"],
  summary: "Make a template beforehand",
  description:
    "Boots a machine that nobody uses, waits until its system is fully up, and freezes it. After the first run of an image and " +
    "size this happens by itself in the background.",
  examples: [
    { command: "banger template build", note: "of the default image and size" },
    { command: "banger template build --image debian-bookworm-slim --memory 2G", note: "of another" },
  ],
  flags: {
    image,
    kernel,
    vcpu,
    memory,
    disk,
    nat,
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const templateDelete = {
  path: ["template", "delete"],
  aliases: ["rm"],
  summary: "Delete templates",
  description: "Machines that were copied from it go on, and start again without it.",
  examples: [{ command: "banger template rm 3fa9c1", note: "the beginning of an id is enough" }],
  positionals: [{ name: "TEMPLATE", help: "the templates, by id or its beginning", repeated: true }],
  flags: {},
} as const satisfies CommandSpec;
