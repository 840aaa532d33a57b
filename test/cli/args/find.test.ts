import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findCommand } from "../../../src/cli/args/find.ts";
import { parseArguments } from "../../../src/cli/args/parse.ts";
import { commands } from "../../../src/cli/commands.ts";
import { groups } from "../../../src/cli/specs/groups.ts";
import { BangerError } from "../../../src/lib/errors/error.ts";
import { throwsWith } from "../../support/faults.ts";

function found(...words: string[]): string {
  const result = findCommand(commands, groups, words);
  const path = result.kind === "command" ? result.command.spec.path : result.group.path;
  return `${result.kind} ${path.join(" ")} | ${result.rest.join(" ")}`;
}

test("a command is found by its words, and what follows is left", () => {
  assert.equal(found("vm", "run", "--rm", "--", "ls"), "command vm run | --rm -- ls");
  assert.equal(found("doctor"), "command doctor | ");
});

test("a command is found by its aliases", () => {
  assert.equal(found("vm", "ls", "-q"), "command vm list | -q");
  assert.equal(found("vm", "rm", "dev"), "command vm delete | dev");
  assert.equal(found("kernel", "rm", "x"), "command kernel delete | x");
});

test("words that stop at a group, or at a flag, give the group", () => {
  assert.equal(found(), "group  | ");
  assert.equal(found("vm"), "group vm | ");
  assert.equal(found("vm", "--help"), "group vm | --help");
  assert.equal(found("--bogus", "vm"), "group  | --bogus vm");
});

test("an unknown command is refused with the nearest one", () => {
  const remedy = (...words: string[]): string =>
    throwsWith(() => found(...words), "unknown_command", `unknown command "${words.join(" ")}"`).remedy;
  assert.equal(remedy("vm", "lsit"), 'Did you mean "vm list"? See `banger --help`');
  assert.equal(remedy("vm", "ruin"), 'Did you mean "vm run"? See `banger --help`');
  assert.equal(remedy("imgae"), 'Did you mean "image"? See `banger --help`');
  assert.equal(remedy("vm", "frobnicate"), "See `banger --help`");
});

test("no words make it fail in any other way", () => {
  const word = fc.oneof(fc.constantFrom("vm", "image", "run", "rm", "help", "-h"), fc.string());
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), (words) => {
      try {
        found(...words);
      } catch (error) {
        assert.ok(error instanceof BangerError && error.code === "unknown_command", String(error));
      }
    }),
  );
});

test("no two commands share a name", () => {
  const names = commands.flatMap(({ spec }) => {
    const before = spec.path.slice(0, -1);
    return [spec.path, ...(spec.aliases ?? []).map((alias) => [...before, alias])].map((path) =>
      path.join(" "),
    );
  });
  assert.equal(new Set(names).size, names.length);
});

test("no command has two flags of one letter, or one that all commands have", () => {
  for (const { spec } of commands) {
    const letters = [...Object.values(spec.flags).flatMap(({ short }) => short ?? []), "h"];
    assert.equal(new Set(letters).size, letters.length, spec.path.join(" "));
    assert.ok(!("json" in spec.flags) && !("help" in spec.flags), spec.path.join(" "));
  }
});

test("every example in help is a command line that is accepted", () => {
  for (const { examples } of [...groups, ...commands.map(({ spec }) => spec)]) {
    for (const { command } of examples) {
      const words = (/banger (.*)$/.exec(command)?.[1] ?? "").replace(/ <.*$|\$\(.*\)/g, "x").split(" ");
      const result = findCommand(commands, groups, words);
      assert.ok(result.kind === "command", command);
      parseArguments(result.command.spec, result.rest);
    }
  }
});
