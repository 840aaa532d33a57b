import { asFault, fault } from "../lib/errors/error.ts";
import { findCommand } from "./args/find.ts";
import { parseArguments } from "./args/parse.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { printError } from "./output/error.ts";
import { groups } from "./specs/groups.ts";
import { versionLine } from "./version-line.ts";
import type { World } from "./world.ts";

/** Carries out a command line, errors included; gives the exit status. Never rejects. */
export async function dispatch(words: readonly string[], world: World): Promise<number> {
  try {
    return await obey(words, world);
  } catch (error) {
    const known = asFault(error);
    printError(world.stderr, known, { json: wantsJson(words), env: world.env });
    // Stopped by a signal: the status tells by which.
    if (known.code === "interrupted") return world.interrupts.status ?? known.exit;
    return known.exit;
  }
}

async function obey(words: readonly string[], world: World): Promise<number> {
  const [first] = words;
  if (first === "--version" || first === "-V") {
    world.stdout.write(versionLine());
    return 0;
  }
  if (first === "help") return await obeyHelp(words.slice(1), world);
  const found = findCommand(commands, groups, words);
  if (found.kind === "command") return await carryOut(found.command, found.rest, world);
  const strange = found.rest.find((word) => word !== "--help" && word !== "-h");
  if (strange !== undefined) {
    throw fault("unknown_flag", { flag: strange, command: found.group.path.join(" ") });
  }
  const { groupHelp } = await import("./help/help.ts");
  world.stdout.write(groupHelp(found.group, world));
  return 0;
}

async function carryOut(command: Command, rest: readonly string[], world: World): Promise<number> {
  const invocation = parseArguments(command.spec, rest);
  if (!invocation.flags.help) {
    return await command.run(invocation, world);
  }
  const { commandHelp } = await import("./help/help.ts");
  world.stdout.write(await commandHelp(command.spec, world));
  return 0;
}

/** `help vm run` is `vm run --help`. */
async function obeyHelp(words: readonly string[], world: World): Promise<number> {
  const found = findCommand(commands, groups, words);
  const named = found.kind === "command" ? words.slice(0, words.length - found.rest.length) : words;
  return await obey([...named.filter((word) => !word.startsWith("-")), "--help"], world);
}

/** Read from the words themselves: they may be what is wrong. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end === -1 ? undefined : end).includes("--json");
}
