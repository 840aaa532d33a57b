import { fault } from "../../lib/errors/error.ts";
import { suggest } from "../../lib/suggest.ts";
import { type CommandSpec, commonFlags, type Flag, type Invocation } from "./spec.ts";
import { readValue } from "./value.ts";

/**
 * Reads the words after a command's name: flags before, between and after positionals, `--flag=value`, `-dq` for `-d -q`,
 * everything after `--` for the guest.
 *
 * @throws unknown_flag, bad_usage, invalid_value
 */
export function parseArguments<Spec extends CommandSpec>(
  spec: Spec,
  words: readonly string[],
): Invocation<Spec> {
  const reading = new Reading(spec, words);
  reading.run();
  const { flags, positionals, passthrough, order } = reading;
  if (flags.help !== true) checkCounts(spec, positionals, passthrough);
  return { flags, positionals, passthrough, order } as unknown as Invocation<Spec>;
}

class Reading {
  readonly flags: Record<string, unknown> = {};
  readonly positionals: string[] = [];
  passthrough: readonly string[] = [];
  readonly order: { flag: string; value: string }[] = [];
  readonly #spec: CommandSpec;
  readonly #known: Readonly<Record<string, Flag>>;
  readonly #words: readonly string[];
  #at = 0;

  constructor(spec: CommandSpec, words: readonly string[]) {
    this.#spec = spec;
    this.#words = words;
    this.#known = { ...spec.flags, ...commonFlags };
    for (const [name, { kind }] of Object.entries(this.#known)) {
      this.flags[name] = kind === "boolean" ? false : kind === "list" ? [] : undefined;
    }
  }

  run(): void {
    while (this.#at < this.#words.length) {
      const word = this.#words[this.#at] as string;
      this.#at += 1;
      if (word === "--") this.#takeRest();
      else if (word.startsWith("--")) this.#long(word);
      else if (word.startsWith("-") && word !== "-") this.#shorts(word);
      else if (this.#beginsCommand()) {
        this.#at -= 1;
        this.#takeRest();
      } else this.positionals.push(word);
    }
  }

  #beginsCommand(): boolean {
    const { passthrough, positionals = [] } = this.#spec;
    return passthrough?.bare === true && this.positionals.length >= positionals.length;
  }

  #takeRest(): void {
    const rest = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    if (this.#spec.passthrough) this.passthrough = rest;
    else this.positionals.push(...rest);
  }

  #long(word: string): void {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals === -1 ? undefined : equals);
    const given = equals === -1 ? undefined : word.slice(equals + 1);
    const toggle = name.startsWith("no-") ? this.#flag(name.slice(3)) : undefined;
    if (toggle?.kind === "toggle" && given === undefined) this.flags[name.slice(3)] = false;
    else this.#set(name, this.#flag(name), given, `--${name}`);
  }

  /** `-dq`, `-fvalue`, `-f value`. */
  #shorts(word: string): void {
    for (let i = 1; i < word.length; i += 1) {
      const letter = word[i] as string;
      const found = Object.entries(this.#known).find(([, flag]) => flag.short === letter);
      const [name, flag] = found ?? ["", undefined];
      if (!flag || isSwitch(flag)) {
        this.#set(name, flag, undefined, `-${letter}`);
        continue;
      }
      const attached = word.slice(i + 1).replace(/^=/, "");
      this.#set(name, flag, i + 1 < word.length ? attached : undefined, `-${letter}`);
      return;
    }
  }

  #set(name: string, flag: Flag | undefined, given: string | undefined, shown: string): void {
    if (!flag) throw unknownFlag(this.#spec, this.#known, shown);
    if (isSwitch(flag)) {
      if (given !== undefined) throw usage(this.#spec, `${shown} takes no value, got "${given}"`);
      this.flags[name] = true;
      return;
    }
    const text = given ?? this.#next(flag, shown);
    const value = readValue(flag.kind, shown, text);
    if (flag.kind === "list") {
      (this.flags[name] as unknown[]).push(value);
      this.order.push({ flag: name, value: text });
    } else this.flags[name] = value;
  }

  /** The word after a flag; another flag is not taken for a value. */
  #next(flag: Flag, shown: string): string {
    const word = this.#words[this.#at];
    if (word === undefined || (word.startsWith("-") && word !== "-" && !/^-\d/.test(word))) {
      throw usage(this.#spec, `${shown} needs a value: ${shown} ${flag.value ?? "VALUE"}`);
    }
    this.#at += 1;
    return word;
  }

  #flag(name: string): Flag | undefined {
    return Object.hasOwn(this.#known, name) ? this.#known[name] : undefined;
  }
}

function checkCounts(spec: CommandSpec, given: readonly string[], passthrough: readonly string[]): void {
  const positionals = spec.positionals ?? [];
  const missing = positionals[given.length];
  if (missing && !missing.optional) {
    throw usage(spec, `\`banger ${spec.path.join(" ")}\` needs ${missing.name}: ${missing.help}`);
  }
  if (given.length > positionals.length && !positionals.at(-1)?.repeated) {
    throw usage(
      spec,
      `unexpected argument ${JSON.stringify(given[positionals.length])} for \`banger ${spec.path.join(" ")}\``,
    );
  }
  if (spec.passthrough?.required && passthrough.length === 0) {
    throw usage(spec, `\`banger ${spec.path.join(" ")}\` needs a command after --`);
  }
}

function unknownFlag(spec: CommandSpec, known: Readonly<Record<string, Flag>>, shown: string): Error {
  const names = Object.entries(known)
    .filter(([, { hidden }]) => !hidden)
    .flatMap(([name, { kind }]) => (kind === "toggle" ? [`--${name}`, `--no-${name}`] : [`--${name}`]));
  const suggestion = shown.startsWith("--") ? suggest(shown, names) : undefined;
  return fault("unknown_flag", { flag: shown, command: spec.path.join(" "), suggestion });
}

function usage(spec: CommandSpec, problem: string): Error {
  return fault("bad_usage", { problem, command: spec.path.join(" ") });
}

function isSwitch({ kind }: Flag): boolean {
  return kind === "boolean" || kind === "toggle";
}
