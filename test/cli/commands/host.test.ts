import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { followFile } from "../../../src/lib/follow-file.ts";
import { fakeWorld, sampleNow, servedWorld } from "../world.ts";

describe("doctor", () => {
  const checks = [
    { id: "a", title: "QEMU", verdict: "pass", detail: "7.2" },
    { id: "b", title: "KVM", verdict: "warn", detail: "none", remedy: "Use another host" },
  ];

  test("prints each check with what to do about it", async (context) => {
    const { world, services } = await servedWorld(context);
    services.doctor = async () => ({ checks: checks as never });
    assert.equal(await world.run("doctor"), 0);
    assert.equal(world.stdout.text, "PASS  QEMU: 7.2\nWARN  KVM: none\n      ╰▶ hint: Use another host\n");
  });

  test("ends with 1 when a check fails, also as JSON", async (context) => {
    for (const words of [["doctor"], ["doctor", "--json"]]) {
      const { world, services } = await servedWorld(context);
      services.doctor = async () => ({ checks: [{ ...checks[0], verdict: "fail" }] as never });
      assert.equal(await world.run(...words), 1);
      assert.notEqual(world.stdout.text, "");
    }
  });
});

describe("version", () => {
  test("prints the program and what it runs on, without a daemon", async (context) => {
    const world = fakeWorld(context);
    assert.equal(await world.run("version"), 0);
    assert.match(
      world.stdout.text,
      /^banger: {3}0\.1\.0\nbuild: {4}source\nnode: {5}\d+\.\d+\.\d+\napi: {6}v1\npackage: {2}\/.*\n$/,
    );
    assert.deepEqual(world.connects, []);
  });

  test("prints the same as JSON", async (context) => {
    const world = fakeWorld(context);
    await world.run("version", "--json");
    const { version, node } = JSON.parse(world.stdout.text) as Record<string, string>;
    assert.deepEqual([version, node], ["0.1.0", process.versions.node]);
  });
});

describe("setup", () => {
  test("says so when nothing is missing", async (context) => {
    const world = fakeWorld(context);
    assert.equal(await world.run("setup"), 0);
    assert.equal(world.stdout.text, "everything is there; `banger doctor` checks the rest\n");
  });

  test("--dry-run prints the command, and nothing else happens", async (context) => {
    const world = fakeWorld(context);
    rmSync(join(world.env.PATH as string, "mmdebstrap"));
    assert.equal(await world.run("setup", "--dry-run"), 0);
    assert.equal(world.stdout.text, "sudo apt-get install --no-install-recommends mmdebstrap\n");
    assert.equal(world.stderr.text, "");
  });

  test("names what is missing where it cannot install", async (context) => {
    const world = fakeWorld(context);
    rmSync(join(world.env.PATH as string, "mmdebstrap"));
    assert.equal(await world.run("setup"), 1);
    assert.match(
      world.stderr.text,
      /^error: running machines needs host packages that are not installed: mmdebstrap\n/,
    );
  });
});

describe("daemon status", () => {
  test("shows the daemon without starting or replacing it", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("daemon", "status"), 0);
    assert.deepEqual(world.connects, [{ autostart: false, anyBuild: true }]);
    assert.match(world.stdout.text, /^version: {2}0\.1\.0 \(build source\)\n/);
    assert.match(world.stdout.text, /^vms: {6}1, 1 running$/m);
  });

  test("ends with 1 when none runs", async (context) => {
    const world = fakeWorld(context);
    assert.equal(await world.run("daemon", "status"), 1);
    assert.match(world.stderr.text, /^error: no daemon is running at ".*"\n/);
  });
});

describe("daemon stop", () => {
  test("says so when none ran", async (context) => {
    const world = fakeWorld(context);
    assert.equal(await world.run("daemon", "stop"), 0);
    assert.equal(world.stdout.text, "no daemon was running\n");
  });
});

describe("daemon logs", () => {
  const log = '{"level":30,"msg":"one"}\n{"level":40,"msg":"two"}\n{"level":50,"msg":"three"}\n';
  const cases: [string[], string][] = [
    [[], "info  one\nwarn  two\nerror three\n"],
    [["-n", "2"], "warn  two\nerror three\n"],
    [["-n", "0"], ""],
    [["-n", "99"], "info  one\nwarn  two\nerror three\n"],
    [["-n", "1", "--json"], '{"level":50,"msg":"three"}\n'],
  ];
  for (const [words, text] of cases) {
    test(`${["print", ...words].join(" ")}`, async (context) => {
      const world = fakeWorld(context);
      mkdirSync(dirname(world.paths.log), { recursive: true });
      writeFileSync(world.paths.log, log);
      assert.equal(await world.run("daemon", "logs", ...words), 0);
      assert.equal(world.stdout.text, text);
    });
  }

  test("print nothing when there never was a daemon", async (context) => {
    const world = fakeWorld(context);
    assert.equal(await world.run("daemon", "logs"), 0);
    assert.equal(world.stdout.text, "");
  });

  test("-f goes on until a signal comes", async (context) => {
    const world = fakeWorld(context);
    mkdirSync(dirname(world.paths.log), { recursive: true });
    writeFileSync(world.paths.log, log);
    const running = world.run("daemon", "logs", "-f", "-n", "1");
    while (world.stdout.text === "") await new Promise((resolve) => setTimeout(resolve, 2));
    writeFileSync(world.paths.log, '{"level":30,"msg":"four"}\n', { flag: "a" });
    while (!world.stdout.text.includes("four")) await new Promise((resolve) => setTimeout(resolve, 2));
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    assert.equal(world.stdout.text, "error three\ninfo  four\n");
  });
});

describe("vm logs", () => {
  test("-f ends with the signal's status and no error", async (context) => {
    const { world, services } = await servedWorld(context);
    const path = join(dirname(world.paths.socket), "console");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "booting\n");
    services.on("vms.logs", (_: string, __: unknown, signal: AbortSignal) => followFile(path, signal));
    const running = world.run("vm", "logs", "-f", "dev");
    while (world.stdout.text === "") await new Promise((resolve) => setTimeout(resolve, 2));
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    assert.deepEqual([world.stdout.text, world.stderr.text], ["booting\n", ""]);
  });

  test("asks for what the flags say", async (context) => {
    for (const [words, request] of [
      [["dev"], { source: "console" }],
      [["--console", "--tail", "5", "dev"], { source: "console", tail: 5 }],
      [["--agent", "--since", "90s", "dev"], { source: "agent", since: sampleNow - 90_000 }],
      [
        ["--all", "--since", "2026-01-01T00:00:00Z", "dev"],
        { source: "all", since: Date.parse("2026-01-01") },
      ],
    ] as const) {
      const { world, services } = await servedWorld(context);
      assert.equal(await world.run("vm", "logs", ...words), 0);
      assert.equal(world.stdout.text, "console\n");
      const [seen] = services.seen;
      assert.deepEqual(
        { since: undefined, ...(seen?.args[1] as object) },
        { since: undefined, ...request, follow: false },
      );
    }
  });

  test("refuses what makes no sense", async (context) => {
    for (const [words, problem] of [
      [["--agent", "--all", "dev"], "--console, --agent and --all exclude each other"],
      [["--since", "soon", "dev"], '--since is "soon", expected a time such as 10m or 2h, or a date'],
      [["--tail", "-1", "dev"], '--tail is "-1", expected a number of lines'],
    ] as const) {
      const { world, services } = await servedWorld(context);
      assert.equal(await world.run("vm", "logs", ...words), 2);
      assert.ok(world.stderr.text.includes(problem), world.stderr.text);
      assert.deepEqual(services.seen, []);
    }
  });
});
