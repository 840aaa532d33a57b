import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { CommandDouble } from "../world/guest.ts";
import { failure, gib, imageId, listening, quiet, until, World } from "../world/world.ts";

/** What the guest is asked to run, without the shell and what is done for every build. */
function wordsOf(command: CommandDouble): string {
  return command.spec.args.map(String).join(" ");
}

const obedient = (command: CommandDouble): void => command.exit(0);

/** Ends with a status whatever has that text in it. */
function failing(text: string, code: number, says = "") {
  return (command: CommandDouble): void => {
    const fails = wordsOf(command).includes(text);
    if (fails) command.stderr.write(says);
    command.exit(fails ? code : 0);
  };
}

describe("building an image", () => {
  test("carries out the steps in their order, and says in the image what was done", async () => {
    await using world = new World();
    world.manners = { runs: obedient };
    world.imageConfig = { env: ["PATH=/bin", "A=1"], entrypoint: [], cmd: ["x"], workdir: "/work" };
    const { service } = await world.daemon();
    const script = join(world.directory, "setup.sh");
    writeFileSync(script, "#!/usr/bin/env  bash\nexit 0\n");
    const image = await service.buildImage(
      {
        name: "made",
        from: "debian-bookworm",
        steps: [
          { kind: "command", command: "echo first" },
          { kind: "run", script },
          { kind: "command", command: "echo last" },
        ],
        env: ["A=2", "B=3"],
      },
      quiet(),
    );
    const [guest] = world.guests;
    assert.ok(guest);
    assert.deepEqual(guest.commands.slice(1).map(wordsOf), [
      "/bin/sh -c echo first",
      "/usr/bin/env bash /run/banger-build/setup.sh",
      "/bin/sh -c echo last",
    ]);
    assert.match(wordsOf(guest.commands[0] as CommandDouble), /systemctl is-system-running/);
    assert.deepEqual(guest.commands[1]?.spec.env, ["PATH=/bin", "A=1", "A=2", "B=3"]);
    assert.equal(guest.commands[1]?.spec.cwd, "/work");
    assert.deepEqual(image.config, { ...world.imageConfig, env: ["PATH=/bin", "A=2", "B=3"] });
    assert.deepEqual(image.source, { kind: "build", detail: "3 steps on debian-bookworm" });
    assert.equal(image.origin?.image.id, imageId("debian-bookworm"));
    const [first, second, third] = image.origin?.steps ?? [];
    assert.equal(first, "--run-command echo first");
    assert.match(second ?? "", /^--run \/.*\/setup\.sh \(sha256:[0-9a-f]{64}\)$/);
    assert.equal(third, "--run-command echo last");
    assert.deepEqual(await service.list(), []);
    assert.deepEqual(world.machineDirectories, []);
    assert.deepEqual(world.running, []);
  });

  test("gives its machine what was asked for, and room beyond its base", async () => {
    await using world = new World();
    world.manners = { runs: obedient };
    const { service } = await world.daemon();
    const more = { vcpu: 3, memory: gib, nat: true, kernel: "generic-6.12" };
    const image = await service.buildImage({ name: "made", from: "other", steps: [], ...more }, quiet());
    const [guest, sealing] = world.guests;
    assert.equal(guest?.spec.vcpu, 3);
    assert.equal(guest?.spec.memory, gib);
    assert.ok(guest?.spec.nic);
    assert.equal(sealing?.spec.nic, undefined);
    assert.equal(image.kernel, "generic-6.12");
  });

  test("says its stages and what the steps print", async () => {
    await using world = new World();
    world.manners = {
      runs: (command) => {
        if (wordsOf(command).includes("hello")) command.stdout.write("one\ntwo\n");
        command.exit(0);
      },
    };
    const { service } = await world.daemon();
    const context = listening();
    const steps = [{ kind: "command", command: "echo hello" } as const];
    await service.buildImage({ name: "made", from: "other", steps }, context);
    const heard = context.heard.filter(({ stage }) => stage === "image.build.1");
    assert.deepEqual(
      heard.map(({ state, message }) => `${state}: ${message}`),
      [
        "started: step 1 of 1: --run-command echo hello",
        "note: one",
        "note: two",
        "done: step 1 of 1: --run-command echo hello",
      ],
    );
    assert.equal(context.heard[0]?.message, "building made from other");
  });

  test("ends with the step that fails, and leaves nothing", async () => {
    await using world = new World();
    world.manners = { runs: failing("break", 7, "no such thing\n") };
    const { service, images } = await world.daemon();
    const steps = ["fine", "break", "never"].map((command) => ({ kind: "command", command }) as const);
    const error = await failure(service.buildImage({ name: "made", from: "other", steps }, quiet()));
    assert.equal(error.code, "image_step_failed");
    assert.equal(
      error.message,
      'step 2 of 3 of building "made" ended with status 7 (--run-command break): no such thing',
    );
    assert.equal(error.remedy, "Add --keep-failed to have a look at its machine");
    assert.ok(!world.guests[0]?.commands.some((command) => wordsOf(command).includes("never")));
    assert.deepEqual(await service.list(), []);
    assert.deepEqual(await images.list(), []);
    assert.deepEqual(world.machineDirectories, []);
    await service.buildImage({ name: "made", from: "other", steps: [] }, quiet());
  });

  test("keeps the machine of the step that failed when it shall", async () => {
    await using world = new World();
    world.manners = { runs: failing("break", 1) };
    const { service } = await world.daemon();
    const request = { name: "made", from: "other", steps: [{ kind: "command", command: "break" } as const] };
    const error = await failure(service.buildImage({ ...request, keepFailed: true }, quiet()));
    const [vm] = await service.list();
    assert.equal(vm?.state, "running");
    assert.equal(vm.ephemeral, false);
    assert.equal(error.remedy, `Look at its machine with \`banger vm shell ${vm.name}\`, then delete it`);
    const shell = await service.exec(vm.id, { args: [] }, quiet().signal);
    shell.reset();
    assert.equal((await service.show(vm.id)).state, "running");
  });

  test("looks at all that it needs of the host before it begins", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const cases = [
      [{ kind: "run", script: "/nowhere/x.sh" }, 'there is nothing at "/nowhere/x.sh"'],
      [{ kind: "copy", source: "/nowhere/y", target: "/y" }, 'there is nothing at "/nowhere/y"'],
      [{ kind: "run", script: world.directory }, `"${world.directory}" is a directory, not a script`],
    ] as const;
    for (const [step, message] of cases) {
      const request = { name: "made", from: "other", steps: [step] };
      assert.equal((await failure(service.buildImage(request, quiet()))).message, message);
    }
    assert.deepEqual(world.guests, []);
  });

  test("is refused for a name that is taken before it begins", async () => {
    await using world = new World();
    world.manners = { runs: obedient };
    const { service } = await world.daemon();
    await service.buildImage({ name: "made", from: "other", steps: [] }, quiet());
    const before = world.guests.length;
    const again = await failure(service.buildImage({ name: "made", from: "other", steps: [] }, quiet()));
    assert.equal(again.code, "image_exists");
    assert.equal(world.guests.length, before);
  });

  test("ends and leaves nothing when it is cancelled in a step", async () => {
    await using world = new World();
    world.manners = {
      runs: (command) => {
        if (!wordsOf(command).includes("forever")) command.exit(0);
      },
    };
    const { service } = await world.daemon();
    const abort = new AbortController();
    const steps = [{ kind: "command", command: "forever" } as const];
    const building = failure(service.buildImage({ name: "made", from: "other", steps }, quiet(abort.signal)));
    await until(() => world.guests[0]?.commands.length === 2);
    abort.abort();
    assert.equal((await building).code, "interrupted");
    assert.deepEqual(await service.list(), []);
    assert.deepEqual(world.machineDirectories, []);
    assert.deepEqual(
      readdirSync(join(world.directory, "images")).filter((name) => name !== ".locks"),
      [],
    );
  });

  test("does not end with a session that somebody else has in its machine", async () => {
    await using world = new World();
    world.manners = {
      runs: (command) => {
        if (!wordsOf(command).includes("wait") && !wordsOf(command).includes("look")) command.exit(0);
      },
    };
    const { service } = await world.daemon();
    const steps = [{ kind: "command", command: "wait" } as const];
    const building = service.buildImage({ name: "made", from: "other", steps }, world.quiet);
    await until(() => world.guests[0]?.commands.length === 2);
    const [vm] = await service.list();
    assert.ok(vm?.ephemeral);
    const args = [Buffer.from("look").toString("base64")];
    await service.exec(vm.id, { args }, quiet().signal);
    world.guest.commands[2]?.exit(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    world.manners = { runs: obedient };
    world.guest.commands[1]?.exit(0);
    assert.equal((await building).name, "made");
  });

  test("of two at once, of one base, makes both", async () => {
    await using world = new World();
    world.manners = { runs: obedient };
    const { service } = await world.daemon();
    const made = await Promise.all(
      ["a", "b"].map((name) => service.buildImage({ name, from: "other", steps: [] }, world.quiet)),
    );
    assert.deepEqual(
      made.map(({ name }) => name),
      ["a", "b"],
    );
    assert.deepEqual(world.machineDirectories, []);
  });

  test("of two at once under one name makes one", async () => {
    await using world = new World();
    world.manners = { runs: obedient };
    const { service } = await world.daemon();
    const build = () => service.buildImage({ name: "a", from: "other", steps: [] }, world.quiet);
    const outcomes = await Promise.allSettled([build(), build()]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });

  test("takes a script without a first line for the shell's, and a program for itself", async () => {
    await using world = new World();
    world.manners = { runs: obedient };
    const { service } = await world.daemon();
    mkdirSync(join(world.directory, "bin"));
    const plain = join(world.directory, "bin", "plain");
    const program = join(world.directory, "bin", "program");
    writeFileSync(plain, "echo hi\n");
    writeFileSync(program, "\x7fELF...");
    const steps = [plain, program].map((script) => ({ kind: "run", script }) as const);
    await service.buildImage({ name: "made", from: "other", steps }, quiet());
    assert.deepEqual(world.guests[0]?.commands.slice(1).map(wordsOf), [
      "/bin/sh /run/banger-build/plain",
      "/run/banger-build/program",
    ]);
  });
});
