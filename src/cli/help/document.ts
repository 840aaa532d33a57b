import { type CommandSpec, commonFlags, type Flag, type GroupSpec } from "../args/spec.ts";
import { commands } from "../commands.ts";
import { groups } from "../specs/groups.ts";
import { flagNames } from "./help.ts";
import { usageLine } from "./usage.ts";

/** docs/commands.md: every command with its flags and examples, from the data that parses them. */
export function commandsDocument(): string {
  const [root, ...rest] = groups as [GroupSpec, ...GroupSpec[]];
  const specs = commands.map(({ spec }) => spec).filter(({ hidden }) => !hidden);
  const single = specs.filter(({ path }) => path.length === 1);
  const parts = [
    "# Commands",
    root.description,
    exampleBlock(root.examples),
    "Flags may stand before or after other words; `--flag=value` and `-dq` for `-d -q` work; what follows `--` goes to the " +
      "machine byte for byte. Results are printed on standard output, progress and errors on standard error. Every command " +
      "takes `--json` and `--help`. `NO_COLOR` turns colours off. Errors and exit statuses are in [errors.md](errors.md); 2 is " +
      "a wrong command line, 130 a Ctrl-C.",
    "This page is generated from `src/cli/specs`.",
    ...rest.flatMap((group) => [
      `## banger ${group.path.join(" ")}`,
      group.description,
      ...specs.filter(({ path }) => path.slice(0, -1).join(" ") === group.path.join(" ")).map(section),
    ]),
    "## Others",
    ...single.map(section),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section(spec: CommandSpec): string {
  const words = [...(spec.positionals ?? []), ...(spec.passthrough ? [spec.passthrough] : [])];
  const flags = Object.entries(spec.flags as Readonly<Record<string, Flag>>).filter(
    ([name, { hidden }]) => !hidden && !(name in commonFlags),
  );
  const rows = [
    ...words.map(({ name, help }) => `| \`${name}\` | ${cell(help)} |`),
    ...flags.map(([name, flag]) => `| \`${flagNames(name, flag).trim()}\` | ${cell(flag.help)} |`),
  ];
  const aliases = (spec.aliases ?? []).map((alias) => `\`${[...spec.path.slice(0, -1), alias].join(" ")}\``);
  return [
    `### ${spec.path.join(" ")}`,
    `${spec.summary}.${spec.description === undefined ? "" : ` ${spec.description}`}`,
    `    ${usageLine(spec)}`,
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.join(", ")}.`]),
    ...(rows.length === 0 ? [] : [["| | |", "|---|---|", ...rows].join("\n")]),
    exampleBlock(spec.examples),
  ].join("\n\n");
}

function exampleBlock(examples: CommandSpec["examples"]): string {
  return ["```sh", ...examples.map(({ command, note }) => `${command}  # ${note}`), "```"].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
