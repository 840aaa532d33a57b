import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Context } from "../../../src/lib/context.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import type { Vm } from "../../../src/model/vm.ts";
import { sampleImage, sampleVm, untilCancelled } from "../../support/fake-services.ts";
import { servedWorld } from "../world.ts";

const other: Vm = {
  ...sampleVm,
  id: "ffff56789abc",
  name: "web",
  state: "stopped",
  reason: "its process ended",
  spec: { vcpu: 4, memory: 2 ** 33, disk: 2 ** 35, nat: true },
};

describe("vm list", () => {
  test("prints a table of all machines", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.list", () => [sampleVm, other]);
    assert.equal(await world.run("vm", "list"), 0);
    assert.equal(
      world.stdout.text,
      [
        "ID            NAME  STATE                        IMAGE            VCPU  MEMORY    DISK  CREATED",
        "0123456789ab  dev   running                      debian-bookworm     1   1 GiB   8 GiB  2 minutes ago",
        "ffff56789abc  web   stopped (its process ended)  debian-bookworm     4   8 GiB  32 GiB  2 minutes ago",
        "",
      ].join("\n"),
    );
    assert.equal(world.stderr.text, "");
  });

  test("prints only running machines for ps", async (context) => {
    for (const words of [
      ["ps", "-q"],
      ["vm", "ls", "--running", "-q"],
    ]) {
      const { world, services } = await servedWorld(context);
      services.on("vms.list", () => [sampleVm, other]);
      assert.equal(await world.run(...words), 0);
      assert.equal(world.stdout.text, "0123456789ab\n");
    }
  });

  test("prints what the daemon said as JSON", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.list", () => [sampleVm, other]);
    await world.run("vm", "list", "--json");
    assert.deepEqual(JSON.parse(world.stdout.text), [sampleVm, other]);
  });
});

describe("vm show", () => {
  test("prints what there is to know of a machine", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.show", () => ({
      ...sampleVm,
      pending: { vcpu: 2 },
      timing: [{ phase: "hello", ms: 2400 }],
    }));
    assert.equal(await world.run("vm", "show", "dev"), 0);
    assert.equal(
      world.stdout.text,
      `name:             dev
id:               0123456789ab
state:            running
image:            debian-bookworm (ba9876543210)
kernel:           generic-6.1
size:             1 vcpu · 1 GiB memory · 8 GiB disk · no network card
after a restart:  2 vcpu
disk used:        1 MiB
driver:           qemu (tcg)
process:          4242
created:          2026-01-01T00:00:00.000Z (2 minutes ago)
started:          2026-01-01T00:00:02.000Z (1 minute ago)
start took:       2.4 s
`,
    );
  });

  test("prints one object, or an array of several, as JSON", async (context) => {
    const { world } = await servedWorld(context);
    await world.run("vm", "show", "--json", "dev");
    assert.deepEqual(JSON.parse(world.stdout.text), sampleVm);
    const second = await servedWorld(context);
    await second.world.run("vm", "show", "--json", "dev", "web");
    assert.deepEqual(JSON.parse(second.world.stdout.text), [sampleVm, sampleVm]);
  });
});

describe("several machines", () => {
  test("are changed at once, each once, and printed in the order they were named", async (context) => {
    const { world, services } = await servedWorld(context);
    const started: string[] = [];
    const all = Promise.withResolvers<void>();
    services.on("vms.start", async (ref: string) => {
      started.push(ref);
      // None ends before all have begun: they do not wait for one another.
      if (started.length === 3) all.resolve();
      await all.promise;
      return { ...sampleVm, name: ref };
    });
    assert.equal(await world.run("vm", "start", "a", "b", "a", "c"), 0);
    assert.deepEqual(started.sort(), ["a", "b", "c"]);
    assert.equal(world.stdout.text, "a\nb\nc\n");
  });

  test("get an error each where it fails, and the others go on", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.stop", (ref: string) => {
      if (ref === "dev") return sampleVm;
      throw fault("vm_not_found", { ref });
    });
    assert.equal(await world.run("vm", "stop", "gone", "dev", "lost"), 1);
    assert.equal(world.stdout.text, "dev\n");
    assert.deepEqual(world.stderr.text.match(/^error: .*$/gm), [
      'error: vm "gone" not found',
      'error: vm "lost" not found',
    ]);
  });

  test("give their errors as a line of JSON each, with their target", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.remove", (ref: string) => {
      throw fault("vm_not_found", { ref });
    });
    assert.equal(await world.run("vm", "rm", "--json", "-q", "a", "b"), 1);
    const lines = world.stderr.text.trimEnd().split("\n");
    const problems = lines.map((line) => JSON.parse(line) as { target: string; code: string });
    assert.deepEqual(
      problems.map(({ target, code }) => [target, code]),
      [
        ["a", "vm_not_found"],
        ["b", "vm_not_found"],
      ],
    );
    assert.deepEqual(JSON.parse(world.stdout.text), []);
  });

  test("are told apart in their progress", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.stop", (ref: string, _: unknown, work: Context) => {
      work.report({ stage: "vm.stop", state: "started", message: "shutting down" });
      return { ...sampleVm, name: ref };
    });
    await world.run("vm", "stop", "a", "b");
    assert.deepEqual(world.stderr.text.trimEnd().split("\n").sort(), [
      "a: shutting down",
      "b: shutting down",
    ]);
  });

  test("keep the exit status of the error when there is only one", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.kill", () => {
      throw fault("invalid_value", { what: "signal", value: "x", expected: "a signal" });
    });
    assert.equal(await world.run("vm", "kill", "dev"), 2);
  });
});

describe("what a command asks of the daemon", () => {
  const cases: [string[], string, unknown[]][] = [
    [["vm", "stop", "-t", "5", "dev"], "vms.stop", ["dev", { timeout: 5 }]],
    [["vm", "stop", "dev"], "vms.stop", ["dev", { timeout: 30 }]],
    [["vm", "restart", "dev"], "vms.restart", ["dev", { timeout: 30 }]],
    [["vm", "kill", "dev"], "vms.kill", ["dev", { signal: "SIGKILL" }]],
    [["vm", "kill", "--signal", "sigterm", "dev"], "vms.kill", ["dev", { signal: "SIGTERM" }]],
    [["vm", "delete", "dev"], "vms.remove", ["dev"]],
    [
      ["vm", "set", "dev", "--vcpu", "2", "--memory", "1G", "--no-nat"],
      "vms.set",
      ["dev", { vcpu: 2, memory: 2 ** 30, nat: false }],
    ],
    [
      ["vm", "create", "--no-start", "--name", "x", "--disk", "20G"],
      "vms.create",
      [{ name: "x", disk: 20 * 2 ** 30, nat: false, start: false, cold: false, ephemeral: false }],
    ],
  ];
  for (const [words, name, args] of cases) {
    test(`for banger ${words.join(" ")}`, async (context) => {
      const { world, services } = await servedWorld(context);
      assert.equal(await world.run(...words), 0, world.stderr.text);
      assert.deepEqual(services.seen.find((call) => call.name === name)?.args, args);
    });
  }

  test("is refused before it is sent when there is no such signal", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("vm", "kill", "-s", "BOGUS", "dev"), 2);
    assert.match(world.stderr.text, /^error: --signal is "BOGUS", expected one of TERM, KILL, /);
    assert.deepEqual(services.seen, []);
  });
});

describe("vm set", () => {
  test("says what a machine now is, and what waits for a restart", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.set", () => ({ ...sampleVm, pending: { memory: 2 ** 31, nat: true } }));
    assert.equal(await world.run("vm", "set", "dev", "--memory", "2G", "--nat"), 0);
    assert.equal(
      world.stdout.text,
      "dev: 1 vcpu · 1 GiB memory · 8 GiB disk · no network card\n" +
        "dev: after a restart: 2 GiB memory · nat (banger vm restart dev)\n",
    );
  });

  test("refuses to change nothing", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("vm", "set", "dev"), 2);
    assert.match(
      world.stderr.text,
      /^error: nothing to change: give --vcpu, --memory, --disk, --nat or --no-nat\n/,
    );
    assert.deepEqual(services.seen, []);
  });
});

describe("vm prune", () => {
  test("names what it deleted and what that freed", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("vm", "prune", "-f"), 0);
    assert.equal(world.stdout.text, "dev\n");
    assert.equal(world.stderr.text, "deleted 1 vm, freed 4 KiB\n");
  });

  test("asks first, and takes only a yes for one", async (context) => {
    for (const [answer, status] of [
      ["y\n", 0],
      ["Yes\n", 0],
      ["\n", 1],
      ["no\n", 1],
      ["yesterday\n", 1],
    ] as const) {
      const { world, services } = await servedWorld(context, { terminal: { columns: 80, rows: 24 } });
      services.on("vms.list", () => [sampleVm, other]);
      world.stdin.end(answer);
      assert.equal(await world.run("vm", "prune"), status, answer);
      assert.ok(world.stderr.text.startsWith("Delete web? There is no way back. [y/N] "), world.stderr.text);
      assert.equal(
        services.seen.some(({ name }) => name === "vms.prune"),
        status === 0,
      );
    }
  });

  test("does not ask when there is nothing to delete", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.prune", () => ({ deleted: [], freed: 0 }));
    assert.equal(await world.run("vm", "prune"), 0);
    assert.equal(world.stderr.text, "deleted 0 vms, freed 0 B\n");
  });

  test("does not delete unasked where there is nobody to ask", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.list", () => [other]);
    assert.equal(await world.run("vm", "prune"), 2);
    assert.match(
      world.stderr.text,
      /^error: there is no terminal to ask on: use `banger vm prune --force`\n/,
    );
  });
});

describe("Ctrl-C", () => {
  test("cancels a create, waits until it is undone, and says so", async (context) => {
    const { world, services } = await servedWorld(context);
    let undone = false;
    const began = Promise.withResolvers<void>();
    services.on("vms.create", (_: unknown, work: Context) => {
      began.resolve();
      return untilCancelled(work, () => {
        undone = true;
      });
    });
    const running = world.run("vm", "run", "--", "true");
    await began.promise;
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    assert.equal(undone, true);
    assert.deepEqual(world.process.exits, []);
    assert.match(world.stderr.text, /^cancelling; once more to leave at once$/m);
    assert.match(
      world.stderr.text,
      /^error: vm\.create was cancelled\n╰▶ hint: .*nothing was left half-made/m,
    );
  });

  test("leaves at once the second time", async (context) => {
    const { world, services } = await servedWorld(context);
    const [began, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    services.on("vms.create", async () => {
      began.resolve();
      await end.promise;
      return sampleVm;
    });
    const running = world.run("vm", "create");
    await began.promise;
    world.process.send("SIGINT");
    world.process.send("SIGINT");
    assert.deepEqual(world.process.exits, [130]);
    end.resolve();
    await running;
  });

  test("by another signal ends with that signal's status", async (context) => {
    const { world, services } = await servedWorld(context);
    const began = Promise.withResolvers<void>();
    services.on("vms.stop", (_: string, __: unknown, work: Context) => {
      began.resolve();
      return untilCancelled(work, () => undefined);
    });
    const running = world.run("vm", "stop", "dev");
    await began.promise;
    world.process.send("SIGTERM");
    assert.equal(await running, 143);
  });
});

describe("vm commit", () => {
  test("prints the id of the image, or all of it as JSON", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("vm", "commit", "dev", "--name", "mine"), 0);
    assert.equal(world.stdout.text, "ba9876543210\n");
    assert.deepEqual(services.seen[0], { name: "vms.commit", args: ["dev", { name: "mine", stop: false }] });
    const { world: other, services: more } = await servedWorld(context);
    assert.equal(await other.run("vm", "commit", "dev", "--name=mine", "--stop", "--json"), 0);
    assert.deepEqual(JSON.parse(other.stdout.text), sampleImage);
    assert.deepEqual(more.seen[0]?.args, ["dev", { name: "mine", stop: true }]);
  });

  test("needs a name for the image", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("vm", "commit", "dev"), 2);
    assert.match(world.stderr.text, /^error: `banger vm commit` needs --name IMAGE\n/);
  });
});
