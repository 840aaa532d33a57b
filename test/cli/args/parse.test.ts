import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseArguments } from "../../../src/cli/args/parse.ts";
import type { CommandSpec } from "../../../src/cli/args/spec.ts";
import { BangerError } from "../../../src/lib/errors/error.ts";
import { throwsWith } from "../../support/faults.ts";

const spec = {
  path: ["vm", "try"],
  summary: "Try",
  examples: [],
  positionals: [{ name: "VM", help: "the machine", optional: true }],
  passthrough: { name: "COMMAND", help: "the command" },
  flags: {
    detach: { kind: "boolean", short: "d", help: "" },
    quiet: { kind: "boolean", short: "q", help: "" },
    nat: { kind: "toggle", help: "" },
    name: { kind: "string", short: "n", value: "NAME", help: "" },
    vcpu: { kind: "int", help: "" },
    memory: { kind: "size", short: "m", value: "SIZE", help: "" },
    env: { kind: "list", short: "e", help: "" },
    secret: { kind: "boolean", help: "", hidden: true },
  },
} as const satisfies CommandSpec;

const exec = {
  path: ["vm", "exec"],
  summary: "Exec",
  examples: [],
  positionals: [{ name: "VM", help: "the machine" }],
  passthrough: { name: "COMMAND", help: "the command", required: true, bare: true },
  flags: { user: { kind: "string", short: "u", help: "" } },
} as const satisfies CommandSpec;

const several = {
  path: ["vm", "stop"],
  summary: "Stop",
  examples: [],
  positionals: [{ name: "VM", help: "the machines", repeated: true }],
  flags: {},
} as const satisfies CommandSpec;

describe("flags", () => {
  test("are absent, false or empty when they are not given", () => {
    assert.deepEqual(parseArguments(spec, []), {
      flags: {
        detach: false,
        quiet: false,
        nat: undefined,
        name: undefined,
        vcpu: undefined,
        memory: undefined,
        env: [],
        secret: false,
        json: false,
        help: false,
      },
      positionals: [],
      passthrough: [],
      order: [],
    });
  });

  test("that may be repeated keep their order among each other", () => {
    const two = { ...spec, flags: { ...spec.flags, run: { kind: "list", help: "a step" } } } as const;
    const { order, flags } = parseArguments(two, ["--run", "a", "--env=X=1", "-d", "--run=b"]);
    assert.deepEqual(order, [
      { flag: "run", value: "a" },
      { flag: "env", value: "X=1" },
      { flag: "run", value: "b" },
    ]);
    assert.deepEqual(flags.run, ["a", "b"]);
  });

  test("may stand before and after positionals", () => {
    for (const words of [
      ["--name", "a", "dev", "-d"],
      ["dev", "-d", "--name=a"],
      ["-dn", "a", "dev"],
      ["-d", "dev", "-na"],
      ["-d", "-n=a", "dev"],
    ]) {
      const { flags, positionals } = parseArguments(spec, words);
      assert.deepEqual([flags.name, flags.detach, positionals], ["a", true, ["dev"]], words.join(" "));
    }
  });

  test("are typed by their kind", () => {
    const { flags } = parseArguments(spec, ["--vcpu", "4", "-m", "1.5G", "-e", "A=1", "-eB=2", "--env=C"]);
    assert.deepEqual([flags.vcpu, flags.memory, flags.env], [4, 1.5 * 2 ** 30, ["A=1", "B=2", "C"]]);
  });

  test("that toggle can be turned on, off, and left alone", () => {
    assert.equal(parseArguments(spec, ["--nat"]).flags.nat, true);
    assert.equal(parseArguments(spec, ["--no-nat"]).flags.nat, false);
    assert.equal(parseArguments(spec, ["--no-nat", "--nat"]).flags.nat, true);
  });

  test("take the last value when they are given twice", () => {
    assert.equal(parseArguments(spec, ["--name", "a", "--name", "b"]).flags.name, "b");
  });

  test("take an empty value and one with equals signs", () => {
    assert.equal(parseArguments(spec, ["--name="]).flags.name, "");
    assert.equal(parseArguments(spec, ["--name", ""]).flags.name, "");
    assert.equal(parseArguments(spec, ["--name=a=b=c"]).flags.name, "a=b=c");
  });

  test("take a negative number for a value, so that its range can be the complaint", () => {
    assert.equal(parseArguments(spec, ["--vcpu", "-1"]).flags.vcpu, -1);
  });

  test("common to all commands are there", () => {
    const { flags } = parseArguments(several, ["dev", "--json", "-h"]);
    assert.deepEqual([flags.json, flags.help], [true, true]);
  });
});

describe("words for the guest", () => {
  test("begin after two dashes and keep everything", () => {
    const { passthrough, positionals } = parseArguments(spec, [
      "dev",
      "--",
      "-d",
      "--",
      "",
      "a\nb",
      "--name",
    ]);
    assert.deepEqual(positionals, ["dev"]);
    assert.deepEqual(passthrough, ["-d", "--", "", "a\nb", "--name"]);
  });

  test("may begin right after the machine where the command allows it", () => {
    const { flags, positionals, passthrough } = parseArguments(exec, [
      "-u",
      "me",
      "dev",
      "ls",
      "-la",
      "--",
      "x",
    ]);
    assert.deepEqual([flags.user, positionals, passthrough], ["me", ["dev"], ["ls", "-la", "--", "x"]]);
  });

  test("leave flags between the machine and the command to the command line", () => {
    const { flags, passthrough } = parseArguments(exec, ["dev", "-u", "me", "ls", "-u"]);
    assert.deepEqual([flags.user, passthrough], ["me", ["ls", "-u"]]);
  });

  test("are positionals when the command has none", () => {
    assert.deepEqual(parseArguments(several, ["a", "--", "-b"]).positionals, ["a", "-b"]);
  });
});

describe("a wrong command line", () => {
  const cases: [string, CommandSpec, string[], string, string][] = [
    ["an unknown flag", spec, ["--nmae", "x"], "unknown_flag", 'unknown flag "--nmae" for `banger vm try`'],
    ["an unknown letter", spec, ["-dx"], "unknown_flag", 'unknown flag "-x" for `banger vm try`'],
    [
      "a flag named like a property",
      spec,
      ["--toString"],
      "unknown_flag",
      'unknown flag "--toString" for `banger vm try`',
    ],
    [
      "--no- of a flag that does not toggle",
      spec,
      ["--no-detach"],
      "unknown_flag",
      'unknown flag "--no-detach" for `banger vm try`',
    ],
    ["a missing value", spec, ["--name"], "bad_usage", "--name needs a value: --name NAME"],
    [
      "a flag in place of a value",
      spec,
      ["--name", "--detach"],
      "bad_usage",
      "--name needs a value: --name NAME",
    ],
    [
      "two dashes in place of a value",
      spec,
      ["--name", "--", "x"],
      "bad_usage",
      "--name needs a value: --name NAME",
    ],
    ["a value for a switch", spec, ["--detach=yes"], "bad_usage", '--detach takes no value, got "yes"'],
    ["too many words", spec, ["a", "b"], "bad_usage", 'unexpected argument "b" for `banger vm try`'],
    ["too few words", several, [], "bad_usage", "`banger vm stop` needs VM: the machines"],
    ["no command to run", exec, ["dev"], "bad_usage", "`banger vm exec` needs a command after --"],
    ["no number", spec, ["--vcpu", "two"], "invalid_value", '--vcpu is "two", expected a whole number'],
    ["half a number", spec, ["--vcpu", "1.5"], "invalid_value", '--vcpu is "1.5", expected a whole number'],
    [
      "no size",
      spec,
      ["-m", "big"],
      "invalid_value",
      '-m is "big", expected a size such as 512M, 4G or 1.5GiB',
    ],
    [
      "a size of nothing",
      spec,
      ["--memory=0"],
      "invalid_value",
      '--memory is "0", expected a size such as 512M, 4G or 1.5GiB',
    ],
  ];
  for (const [title, which, words, code, message] of cases) {
    test(`says what is wrong with ${title}`, () => {
      const error = throwsWith(() => parseArguments(which, words), code as never, message);
      assert.equal(error.exit, 2);
    });
  }

  test("gets the nearest flag as a suggestion, also in its --no- form", () => {
    const remedy = (word: string): string =>
      throwsWith(() => parseArguments(spec, [word]), "unknown_flag").remedy;
    assert.equal(remedy("--detahc"), "Did you mean --detach? See `banger vm try --help`");
    assert.equal(remedy("--no-nta"), "Did you mean --no-nat? See `banger vm try --help`");
    assert.equal(remedy("--secrte"), "See `banger vm try --help`");
  });

  test("may still ask for help", () => {
    assert.equal(parseArguments(exec, ["--help"]).flags.help, true);
    assert.equal(parseArguments(several, ["-h"]).flags.help, true);
  });
});

describe("any command line", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "--",
      "-",
      "-d",
      "--name",
      "--name=x",
      "-n",
      "-m",
      "--nat",
      "--no-nat",
      "--vcpu",
      "7",
      "",
    ),
    fc.string(),
    fc.string().map((text) => `-${text}`),
    fc.string().map((text) => `--${text}`),
  );

  test("parses, or is refused with an error of ours", () => {
    fc.assert(
      fc.property(fc.array(word), fc.constantFrom(spec, exec, several), (words, which) => {
        try {
          parseArguments(which as CommandSpec, words);
        } catch (error) {
          assert.ok(error instanceof BangerError, String(error));
          assert.equal(error.exit, 2);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("keeps every word after the two dashes", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (rest) => {
        assert.deepEqual(parseArguments(spec, ["-d", "--", ...rest]).passthrough, rest);
      }),
    );
  });

  test("that is written from values gives those values back", () => {
    const values = fc.record({
      detach: fc.boolean(),
      name: fc.option(fc.string(), { nil: undefined }),
      vcpu: fc.option(fc.integer(), { nil: undefined }),
      env: fc.array(fc.string()),
      positional: fc.option(
        fc.string().filter((text) => !text.startsWith("-")),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(values, ({ detach, name, vcpu, env, positional }) => {
        const words = [
          ...(positional === undefined ? [] : [positional]),
          ...env.map((entry) => `--env=${entry}`),
          ...(detach ? ["-d"] : []),
          ...(name === undefined ? [] : [`--name=${name}`]),
          ...(vcpu === undefined ? [] : ["--vcpu", String(vcpu)]),
        ];
        const { flags, positionals } = parseArguments(spec, words);
        assert.deepEqual(
          {
            detach: flags.detach,
            name: flags.name,
            vcpu: flags.vcpu,
            env: flags.env,
            positional: positionals[0],
          },
          { detach, name, vcpu: vcpu === undefined ? undefined : vcpu + 0, env, positional },
        );
      }),
    );
  });
});
