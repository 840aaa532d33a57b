import { type CommandSpec, commonFlags, type Example, type Flag, type GroupSpec } from "../args/spec.ts";
import { commands } from "../commands.ts";
import { type Style, styleFor } from "../output/style.ts";
import { pad, width } from "../output/width.ts";
import { groups } from "../specs/groups.ts";
import type { World } from "../world.ts";
import { type HostDefaults, hostDefaults } from "./host-defaults.ts";
import { usageLine } from "./usage.ts";
import { wrap } from "./wrap.ts";

const usualWidth = 80;
const widest = 100;

/** What `banger vm run --help` prints. */
export async function commandHelp(spec: CommandSpec, world: World): Promise<string> {
  const layout = new Layout(world);
  const flags = Object.entries({ ...spec.flags, ...commonFlags }).filter(
    ([, flag]) => !(flag as Flag).hidden,
  );
  const needsDefaults = flags.some(([, flag]) => (flag as Flag).shows !== undefined);
  const defaults = needsDefaults ? await hostDefaults(world) : undefined;
  const words = [...(spec.positionals ?? []), ...(spec.passthrough ? [spec.passthrough] : [])];
  const aliases = (spec.aliases ?? []).map(
    (alias) => `banger ${[...spec.path.slice(0, -1), alias].join(" ")}`,
  );
  return layout.join([
    layout.paragraph(`${spec.summary}.`),
    spec.description === undefined ? "" : layout.paragraph(spec.description),
    layout.section("Usage", [[usageLine(spec), ""]]),
    aliases.length === 0 ? "" : layout.section("Aliases", [[aliases.join(", "), ""]]),
    layout.section(
      "Arguments",
      words.map(({ name, help }) => [name, help]),
    ),
    layout.section(
      "Flags",
      flags.map(([name, flag]) => [flagNames(name, flag), flagHelp(flag, defaults)]),
    ),
    layout.examples(spec.examples),
  ]);
}

/** What `banger` and `banger vm` print. */
export function groupHelp(group: GroupSpec, world: World): string {
  const layout = new Layout(world);
  const depth = group.path.length;
  const inside = ({ path }: { path: readonly string[] }): boolean =>
    path.length === depth + 1 && group.path.every((word, i) => word === path[i]);
  const below = [
    ...groups.filter(inside),
    ...commands.map(({ spec }) => spec).filter((spec) => inside(spec) && !spec.hidden),
  ];
  const name = ["banger", ...group.path].join(" ");
  return layout.join([
    layout.paragraph(group.description),
    layout.section("Usage", [[`${name} COMMAND [ARGUMENTS]`, ""]]),
    layout.section(
      "Commands",
      below.map(({ path, summary }) => [path.at(-1) as string, summary]),
    ),
    layout.examples(group.examples),
    layout.paragraph(`\`${name} COMMAND --help\` tells about one command.`),
  ]);
}

export function flagNames(name: string, { kind, short, value = "VALUE" }: Flag): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  if (kind === "toggle") return `${letter}--[no-]${name}`;
  return `${letter}--${name}${kind === "boolean" ? "" : ` ${value}`}`;
}

function flagHelp({ help, shows }: Flag, defaults: HostDefaults | undefined): string {
  return shows === undefined || !defaults ? help : `${help} (${defaults[shows]})`;
}

class Layout {
  readonly #style: Style;
  readonly #width: number;

  constructor({ stdout, env }: World) {
    this.#style = styleFor(stdout, env);
    this.#width = Math.min((stdout.isTTY && stdout.columns) || usualWidth, widest);
  }

  paragraph(text: string): string {
    return wrap(text, this.#width).join("\n");
  }

  /** Names on the left, what they mean on the right, under each other. */
  section(title: string, rows: readonly (readonly [name: string, help: string])[]): string {
    if (rows.length === 0) return "";
    const column = Math.max(...rows.map(([name]) => width(name))) + 4;
    const lines = rows.flatMap(([name, help]) => {
      if (help === "") return [`  ${name}`];
      const [first = "", ...rest] = wrap(help, Math.max(24, this.#width - column));
      return [`  ${pad(name, column - 2)}${first}`, ...rest.map((line) => " ".repeat(column) + line)];
    });
    return [this.#style.bold(`${title}:`), ...lines].join("\n");
  }

  examples(examples: readonly Example[]): string {
    const lines = examples.map(({ command, note }) => `  ${command}\n      ${this.#style.dim(note)}`);
    return [this.#style.bold("Examples:"), ...lines].join("\n");
  }

  join(blocks: readonly string[]): string {
    return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
  }
}
