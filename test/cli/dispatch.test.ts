import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fakeWorld, servedWorld } from "./world.ts";

describe("a command line", () => {
  test("of --version prints one line", async (context) => {
    for (const word of ["--version", "-V"]) {
      const world = fakeWorld(context);
      assert.equal(await world.run(word), 0);
      assert.equal(world.stdout.text, "banger 0.1.0 (build source)\n");
      assert.deepEqual(world.connects, []);
    }
  });

  test("without a command prints help", async (context) => {
    for (const words of [[], ["--help"], ["-h"], ["help"]]) {
      const world = fakeWorld(context);
      assert.equal(await world.run(...words), 0);
      assert.match(world.stdout.text, /^banger gives you a shell/);
      assert.equal(world.stderr.text, "");
    }
  });

  test("of a group prints the group's help", async (context) => {
    for (const words of [["vm"], ["vm", "--help"], ["help", "vm"]]) {
      const world = fakeWorld(context);
      assert.equal(await world.run(...words), 0);
      assert.match(world.stdout.text, /^A machine is a virtual computer/);
    }
  });

  test("asks for a command's help in three ways", async (context) => {
    for (const words of [
      ["vm", "run", "--help"],
      ["vm", "run", "-h"],
      ["help", "vm", "run"],
      ["help", "vm", "run", "--rm"],
    ]) {
      const world = fakeWorld(context);
      assert.equal(await world.run(...words), 0, words.join(" "));
      assert.match(world.stdout.text, /^Create a machine and get a shell/);
      assert.deepEqual(world.connects, []);
    }
  });

  test("that is wrong ends with 2, an error and nothing on standard output", async (context) => {
    const cases: [string[], string][] = [
      [
        ["vm", "lsit"],
        'error: unknown command "vm lsit"\n╰▶ hint: Did you mean "vm list"? See `banger --help` (docs/errors.md#unknown_command)\n',
      ],
      [
        ["--bogus"],
        'error: unknown flag "--bogus" for `banger`\n╰▶ hint: See `banger --help` (docs/errors.md#unknown_flag)\n',
      ],
      [
        ["vm", "--bogus"],
        'error: unknown flag "--bogus" for `banger vm`\n╰▶ hint: See `banger vm --help` (docs/errors.md#unknown_flag)\n',
      ],
      [
        ["vm", "list", "--jsno"],
        'error: unknown flag "--jsno" for `banger vm list`\n╰▶ hint: Did you mean --json? See `banger vm list --help` (docs/errors.md#unknown_flag)\n',
      ],
      [
        ["help", "nothing"],
        'error: unknown command "nothing"\n╰▶ hint: See `banger --help` (docs/errors.md#unknown_command)\n',
      ],
    ];
    for (const [words, text] of cases) {
      const world = fakeWorld(context);
      assert.equal(await world.run(...words), 2);
      assert.equal(world.stderr.text, text);
      assert.equal(world.stdout.text, "");
    }
  });

  test("that asks for JSON gets its errors as JSON, also when the words are wrong", async (context) => {
    const world = fakeWorld(context);
    assert.equal(await world.run("vm", "list", "--json", "--bogus"), 2);
    const problem = JSON.parse(world.stderr.text) as { code: string };
    assert.equal(problem.code, "unknown_flag");
  });

  test("does not take --json of the guest's command for its own", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.exec", () => {
      throw new TypeError("surprise");
    });
    assert.equal(await world.run("vm", "exec", "dev", "--", "ls", "--json"), 1);
    assert.match(world.stderr.text, /^error: internal error: surprise\n/);
  });
});

test("a daemon that does not answer is an error of ours", async (context) => {
  const world = fakeWorld(context);
  assert.equal(await world.run("vm", "list"), 1);
  assert.match(world.stderr.text, /^error: the daemon does not answer at ".*daemon\.sock": ENOENT\n/);
});

test("any words end with a status, and never with an exception", async (context) => {
  const world = fakeWorld(context);
  const word = fc.oneof(
    fc.constantFrom(
      "vm",
      "image",
      "kernel",
      "daemon",
      "list",
      "show",
      "--json",
      "-q",
      "--",
      "help",
      "--help",
      "stop",
    ),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 5 }), async (words) => {
      // What starts or installs something is not for guesses.
      if (words.includes("setup") || words.includes("doctor") || words.includes("logs")) return;
      const status = await world.run(...words);
      assert.ok([0, 1, 2].includes(status), `${words.join(" ")}: ${status}`);
    }),
    { numRuns: 200 },
  );
});
