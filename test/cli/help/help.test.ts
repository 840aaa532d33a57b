import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { commands } from "../../../src/cli/commands.ts";
import { width } from "../../../src/cli/output/width.ts";
import { groups } from "../../../src/cli/specs/groups.ts";
import { type FakeWorld, fakeWorld } from "../world.ts";

/** Settles what a machine gets, so that help is the same on every host. */
function configure(world: FakeWorld): void {
  mkdirSync(dirname(world.paths.config), { recursive: true });
  writeFileSync(
    world.paths.config,
    'default_image_name = "mine"\n[vm_defaults]\nvcpu = 3\nmemory = "2G"\ndisk = "10G"\n',
  );
}

describe("help", () => {
  test("of a command shows what this host makes of its defaults", async (context) => {
    const world = fakeWorld(context);
    configure(world);
    await world.run("vm", "create", "--help");
    assert.equal(
      world.stdout.text,
      `Create a machine, and start it, without going in.

Prints the machine's name. \`banger vm run\` is the shorter way to a shell.

Usage:
  banger vm create [FLAGS]

Flags:
      --no-start       Leave it created; \`banger vm start\` boots it
      --name NAME      Name, a DNS label; a random readable one when absent
  -i, --image IMAGE    Image to boot; one that is not local is pulled from the
                       image catalog (mine)
      --kernel KERNEL  Kernel to boot instead of the image's own; pulled when
                       not local
      --vcpu N         Processors (3)
  -m, --memory SIZE    Memory, such as 2G (2 GiB)
      --disk SIZE      Disk, such as 20G; takes room as it fills (10 GiB)
      --nat            Give it a network card that reaches the outside; without
                       it there is none
      --cold           Boot it, even where there is a template to copy
      --wait TARGET    Wait for more than the agent: system (its services are
                       up) or port:N; repeatable
      --timing         Print how long each phase took, on standard error
  -q, --quiet          Print no progress
      --json           Print JSON: the result on standard output, an error on
                       standard error
  -h, --help           Print this help

Examples:
  banger vm create --name dev
      then: banger vm shell dev
  banger vm create --name later --no-start --disk 40G
      started by \`banger vm start later\`
`,
    );
  });

  test("of a command with arguments and another name", async (context) => {
    const world = fakeWorld(context);
    await world.run("vm", "rm", "--help");
    assert.equal(
      world.stdout.text,
      `Delete machines and their disks.

A running machine is ended first. There is no way back.

Usage:
  banger vm delete [FLAGS] VM...

Aliases:
  banger vm rm

Arguments:
  VM  the machines, by name, id or the beginning of an id

Flags:
  -q, --quiet  Print no progress
      --json   Print JSON: the result on standard output, an error on standard
               error
  -h, --help   Print this help

Examples:
  banger vm delete dev web
      two of them
`,
    );
  });

  test("of a group lists its commands and the next step", async (context) => {
    const world = fakeWorld(context);
    await world.run("kernel");
    assert.equal(
      world.stdout.text,
      `An image names the kernel that it boots with; \`banger vm run\` fetches it when it
is not local.

Usage:
  banger kernel COMMAND [ARGUMENTS]

Commands:
  list    List kernels
  show    Show kernels in detail
  pull    Fetch a kernel of the catalog
  delete  Delete local kernels

Examples:
  banger kernel list --available
      the catalog
  banger kernel pull generic-6.12
      fetch one beforehand

\`banger kernel COMMAND --help\` tells about one command.
`,
    );
  });

  test("of the program lists its groups and its commands", async (context) => {
    const world = fakeWorld(context);
    await world.run();
    const listed = /Commands:\n([\s\S]*?)\n\n/.exec(world.stdout.text)?.[1]?.match(/^ {2}\S+/gm);
    assert.deepEqual(
      listed?.map((name) => name.trim()),
      ["vm", "image", "kernel", "template", "daemon", "ps", "ssh-config", "doctor", "setup", "version"],
    );
  });

  test("fits the terminal, and has colours only there", async (context) => {
    for (const columns of [60, 80, 200]) {
      const world = fakeWorld(context, { terminal: { columns, rows: 40 }, env: { NO_COLOR: "1" } });
      await world.run("vm", "run", "--help");
      for (const line of world.stdout.text.split("\n"))
        assert.ok(width(line) <= Math.min(columns, 100), line);
    }
    const coloured = fakeWorld(context, { terminal: { columns: 80, rows: 40 } });
    await coloured.run("vm");
    assert.ok(coloured.stdout.text.includes("\x1b[1mUsage:\x1b[22m"));
  });

  test("is there for every command and group, on standard output, without a daemon", async (context) => {
    for (const { path } of [...groups, ...commands.map(({ spec }) => spec)]) {
      const world = fakeWorld(context);
      assert.equal(await world.run(...path, "--help"), 0, path.join(" "));
      assert.match(world.stdout.text, /\nUsage:\n {2}banger/);
      assert.match(world.stdout.text, /\nExamples:\n {2}\S/);
      assert.equal(world.stderr.text, "");
      assert.deepEqual(world.connects, []);
    }
  });

  test("of --image says that a missing image is pulled", async (context) => {
    for (const name of ["run", "create"]) {
      const world = fakeWorld(context);
      await world.run("vm", name, "--help");
      const text = world.stdout.text.replace(/\s+/g, " ");
      assert.match(
        text,
        /--image IMAGE Image to boot; one that is not local is pulled from the image catalog/,
      );
    }
  });
});
