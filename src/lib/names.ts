import { randomInt } from "node:crypto";

const adjectives =
  "amber bold brisk calm clever cosy crisp dapper eager fair fleet fond gentle glad keen kind lively lucky mellow merry mild neat nimble polite proud quick quiet rapid ready sharp shy silver sleek smart snug solid spry steady sunny swift tidy vivid warm wise witty young zesty".split(
    " ",
  );
const animals =
  "adder badger bear beaver bison boar bobcat crane crow deer dingo dove eagle egret elk falcon ferret finch fox gecko goose hare hawk heron ibex jackal jay kite koala lark lemur lion lynx marten mole moose newt otter owl panda puffin quail raven robin seal shrew skunk sloth stoat stork swan tern toad trout viper vole walrus weasel wolf wombat wren yak".split(
    " ",
  );

/** A DNS label of 1 to 63 characters in lower case (RFC 1123). */
export function isDnsLabel(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
}

/** A readable name such as `brisk-otter`; with a number when `taken` says that luck has run out. */
export function randomName(taken: (name: string) => boolean): string {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const name = `${pick(adjectives)}-${pick(animals)}`;
    if (!taken(name)) return name;
  }
  for (;;) {
    const name = `${pick(adjectives)}-${pick(animals)}-${randomInt(1000, 1_000_000)}`;
    if (!taken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] as string;
}
