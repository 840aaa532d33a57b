import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import type { ExecRequest } from "../../../src/model/api/requests.ts";
import { echoProcess, sampleSshTarget } from "../../support/fake-services.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { type FakeWorld, servedWorld } from "../world.ts";

describe("vm ssh", () => {
  test("runs ssh in its place, with our configuration only", async (context) => {
    for (const [words, expected] of [
      [["dev"], ["--", "dev.vm"]],
      [
        ["dev", "--", "sh", "-c", "exit 42"],
        ["--", "dev.vm", "sh -c 'exit 42'"],
      ],
      [
        ["-u", "alice", "-t", "dev", "--", "top"],
        ["-t", "-l", "alice", "--", "dev.vm", "top"],
      ],
      [
        ["--no-tty", "dev"],
        ["-T", "--", "dev.vm"],
      ],
    ] as const) {
      const { world } = await servedWorld(context);
      assert.equal(await world.run("vm", "ssh", ...words), 0);
      assert.deepEqual(world.replacements, [["ssh", "-F", "/state/ssh/config", ...expected]]);
    }
  });

  test("says what is missing before there is a connection", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.ssh", () => {
      throw fault("ssh_server_missing", { vm: "dev" });
    });
    assert.equal(await world.run("vm", "ssh", "dev"), 1);
    assert.deepEqual(world.replacements, []);
    assert.equal(
      world.stderr.text,
      'error: vm "dev" has no ssh server\n' +
        "╰▶ hint: Install one in it (openssh-server), or do without: banger vm shell dev (docs/errors.md#ssh_server_missing)\n",
    );
  });
});

describe("vm ssh-proxy", () => {
  test("carries bytes between ssh and the machine's server, which root runs", async (context) => {
    const { world, services } = await servedWorld(context, { terminal: { columns: 80, rows: 24 } });
    const asked: unknown[] = [];
    services.on("vms.ssh", (ref: string) => {
      asked.push(ref);
      return sampleSshTarget;
    });
    services.on("vms.exec", (ref: string, request: ExecRequest) => {
      const args = (request.args ?? []).map((arg) => Buffer.from(arg, "base64").toString());
      asked.push(ref, args, request.user, request.cwd, request.tty);
      return echoProcess();
    });
    world.stdin.end(Buffer.from([0, 255, 10]));
    assert.equal(await world.run("vm", "ssh-proxy", "dev.vm"), 0);
    assert.deepEqual(asked, ["dev", sampleSshTarget.id, ["/usr/sbin/sshd", "-i"], "root", "/", undefined]);
    assert.deepEqual(world.stdout.bytes, Buffer.from([0, 255, 10]));
  });
});

describe("ssh-config", () => {
  async function atHome(t: TestContext): Promise<{ world: FakeWorld; config: string; line: string }> {
    const home = temporaryDirectory(t);
    const { world } = await servedWorld(t, { env: { HOME: home } });
    return {
      world,
      config: join(home, ".ssh", "config"),
      line: `Include ${join(world.paths.ssh, "config")}`,
    };
  }

  test("prints the line and touches nothing", async (t) => {
    const { world, config, line } = await atHome(t);
    assert.equal(await world.run("ssh-config"), 0);
    assert.equal(world.stdout.text, `${line}\n`);
    assert.match(world.stderr.text, /ssh-config --install/);
    assert.equal(existsSync(config), false);
  });

  test("puts the line in and takes it out, as often as one likes", async (t) => {
    const { world, config, line } = await atHome(t);
    mkdirSync(join(config, ".."));
    writeFileSync(config, "Host work\n  User me");
    assert.equal(await world.run("ssh-config", "--install"), 0);
    assert.equal(await world.run("ssh-config", "--install"), 0);
    assert.equal(readFileSync(config, "utf8"), `${line}\nHost work\n  User me`);
    assert.equal(await world.run("ssh-config", "--uninstall"), 0);
    assert.equal(await world.run("ssh-config", "--uninstall"), 0);
    assert.equal(readFileSync(config, "utf8"), "Host work\n  User me");
    assert.equal(
      world.stdout.text,
      [
        "~/.ssh/config now includes banger's configuration · try: ssh <name>.vm",
        "~/.ssh/config includes banger's configuration already",
        "~/.ssh/config no longer includes banger's configuration",
        "~/.ssh/config does not include banger's configuration",
        "",
      ].join("\n"),
    );
  });

  test("is JSON for programs, and refuses what contradicts itself", async (t) => {
    const { world, line } = await atHome(t);
    assert.equal(await world.run("ssh-config", "--install", "--json"), 0);
    assert.deepEqual(JSON.parse(world.stdout.text), {
      include: line,
      config: join(world.paths.ssh, "config"),
      installed: true,
      changed: true,
    });
    assert.equal(await world.run("ssh-config", "--install", "--uninstall"), 2);
    assert.match(world.stderr.text, /--install and --uninstall exclude each other/);
  });
});
