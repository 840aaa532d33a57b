import type { CommandSpec } from "../args/spec.ts";

export const catalogList = {
  path: ["catalog", "list"],
  aliases: ["ls"],
  summary: "List the catalogs of the configuration",
  examples: [
    { command: "banger catalog list", note: "where their images come from, and how old the copies are" },
  ],
  flags: { quiet: { kind: "boolean", short: "q", help: "Print names only" } },
} as const satisfies CommandSpec;

export const catalogUpdate = {
  path: ["catalog", "update"],
  summary: "Fetch the catalogs anew",
  description:
    "A copy that is older than a day is replaced by itself when an image is looked for; this does it at once. One that cannot be fetched, or " +
    "is not signed as it should be, leaves the copy as it is.",
  examples: [{ command: "banger catalog update", note: "after a publisher has added an image" }],
  flags: { quiet: { kind: "boolean", short: "q", help: "Print no progress" } },
} as const satisfies CommandSpec;
