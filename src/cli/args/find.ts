import { fault } from "../../lib/errors/error.ts";
import { suggest } from "../../lib/suggest.ts";
import type { CommandSpec, GroupSpec } from "./spec.ts";

export type Found<Command> =
  | { kind: "command"; command: Command; rest: readonly string[] }
  | { kind: "group"; group: GroupSpec; rest: readonly string[] };

/**
 * The command that the first words name, by its path or an alias; a group when they stop there.
 *
 * @throws unknown_command with the nearest one
 */
export function findCommand<Command extends { readonly spec: CommandSpec }>(
  commands: readonly Command[],
  groups: readonly GroupSpec[],
  words: readonly string[],
): Found<Command> {
  const [root] = groups;
  let group = root as GroupSpec;
  for (let depth = 0; ; depth += 1) {
    const word = words[depth];
    if (word === undefined || word.startsWith("-")) return { kind: "group", group, rest: words.slice(depth) };
    const path = [...group.path, word];
    const command = commands.find(({ spec }) => isNamed(spec, path));
    if (command) return { kind: "command", command, rest: words.slice(depth + 1) };
    const next = groups.find((candidate) => isSame(candidate.path, path));
    if (!next) throw unknownCommand(commands, groups, group, path);
    group = next;
  }
}

function isNamed({ path, aliases = [] }: CommandSpec, words: readonly string[]): boolean {
  const last = words.at(-1) as string;
  if (!isSame(path.slice(0, -1), words.slice(0, -1))) return false;
  return path.at(-1) === last || aliases.includes(last);
}

function unknownCommand(
  commands: readonly { readonly spec: CommandSpec }[],
  groups: readonly GroupSpec[],
  group: GroupSpec,
  path: readonly string[],
): Error {
  const inside = (words: readonly string[]): boolean =>
    words.length === path.length && isSame(words.slice(0, -1), group.path);
  const specs = commands
    .map(({ spec }) => spec)
    .filter(({ path: words, hidden }) => inside(words) && !hidden);
  const names = [
    ...specs.flatMap((spec) => [spec.path.at(-1) as string, ...(spec.aliases ?? [])]),
    ...groups.filter(({ path: words }) => inside(words)).map(({ path: words }) => words.at(-1) as string),
  ];
  const near = suggest(path.at(-1) as string, names);
  return fault("unknown_command", {
    command: path.join(" "),
    suggestion: near === undefined ? undefined : [...group.path, near].join(" "),
  });
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
