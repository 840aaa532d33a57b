import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import type { ExecRequest } from "../../../src/model/api/requests.ts";
import {
  echoProcess,
  FakeGuestProcess,
  type FakeServices,
  randomBlock,
  sampleVm,
} from "../../support/fake-services.ts";
import { servedWorld } from "../world.ts";

const terminal = { columns: 90, rows: 30 };

/** Has every command be the given one; tells what was asked for. */
function answerWith(services: FakeServices, guest: FakeGuestProcess): ExecRequest[] {
  const requests: ExecRequest[] = [];
  services.on("vms.exec", (_: string, request: ExecRequest) => {
    requests.push(request);
    return guest;
  });
  return requests;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function decoded(request: ExecRequest | undefined): string[] {
  return (request?.args ?? []).map((word) => Buffer.from(word, "base64").toString());
}

describe("vm exec", () => {
  test("passes words, outputs and status through", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    const [requests, running] = [
      answerWith(services, guest),
      world.run("vm", "exec", "dev", "--", "a b", "", "c\nd"),
    ];
    guest.stdout.write("out");
    guest.stderr.write("err");
    guest.exit(7);
    assert.equal(await running, 7);
    assert.deepEqual(decoded(requests[0]), ["a b", "", "c\nd"]);
    assert.deepEqual([world.stdout.text, world.stderr.text], ["out", "err"]);
    assert.equal(requests[0]?.tty, undefined);
  });

  test("passes any bytes in and out", async (context) => {
    const { world, services } = await servedWorld(context);
    answerWith(services, echoProcess());
    const block = randomBlock(3 * 1024 * 1024 + 17);
    world.stdin.end(block);
    assert.equal(await world.run("vm", "exec", "dev", "cat"), 0);
    const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    assert.equal(hash(world.stdout.bytes), hash(block));
  });

  test("ends with the command, however much input there still is", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    world.stdin.write("more to come");
    const running = world.run("vm", "exec", "dev", "true");
    guest.exit(0);
    assert.equal(await running, 0);
  });

  test("gives 128 and its number for the signal that ended the command", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    guest.exit(0, 9);
    assert.equal(await world.run("vm", "exec", "dev", "x"), 137);
  });

  test("passes user, directory and environment on", async (context) => {
    const { world, services } = await servedWorld(context, { env: { HERE: "5" } });
    const guest = new FakeGuestProcess();
    const requests = answerWith(services, guest);
    guest.exit(0);
    await world.run(
      "vm",
      "exec",
      "-u",
      "me",
      "-w",
      "/srv",
      "-e",
      "A=1=2",
      "-e",
      "HERE",
      "-e",
      "GONE",
      "dev",
      "x",
    );
    const [request] = requests;
    const env = (request?.env ?? []).map((entry) => Buffer.from(entry, "base64").toString());
    assert.deepEqual([request?.user, request?.cwd, env], ["me", "/srv", ["A=1=2", "HERE=5"]]);
  });

  test("sends the signals it gets to the command", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    const running = world.run("vm", "exec", "dev", "x");
    guest.stdout.write("ready");
    await until(() => world.stdout.text === "ready");
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) world.process.send(name);
    await until(() => guest.seen.length === 4);
    assert.deepEqual(guest.seen, ["signal 2", "signal 15", "signal 1", "signal 3"]);
    guest.exit(0, 2);
    assert.equal(await running, 130);
  });

  test("gives up on a machine that is still starting at the first Ctrl-C", async (context) => {
    const { world, services } = await servedWorld(context);
    const asked = Promise.withResolvers<AbortSignal>();
    services.on("vms.exec", (_: string, __: ExecRequest, signal: AbortSignal) => {
      asked.resolve(signal);
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new TypeError("gone"))),
      );
    });
    const running = world.run("vm", "exec", "dev", "x");
    await asked.promise;
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    assert.match(world.stderr.text, /^error: waiting for the command was cancelled\n/);
  });

  test("ends with the error's status when the command cannot be run", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.exec", () => {
      throw fault("exec_failed", { command: "nix", reason: "not found", exit: 127 });
    });
    assert.equal(await world.run("vm", "exec", "dev", "nix"), 127);
    assert.match(world.stderr.text, /^error: cannot run "nix" in the guest: not found\n/);
  });
});

describe("a terminal", () => {
  test("is given to the command when input and output are one, with its size and kind", async (context) => {
    const { world, services } = await servedWorld(context, { terminal, env: { TERM: "xterm-256color" } });
    const guest = new FakeGuestProcess();
    const requests = answerWith(services, guest);
    const running = world.run("vm", "exec", "dev", "top");
    guest.stdout.write("drawn");
    await until(() => world.stdout.text === "drawn");
    world.stdin.write("\x03");
    await until(() => guest.stdin.readableLength > 0);
    assert.equal(String(guest.stdin.read()), "\x03");
    world.stdout.rows = 40;
    world.stdout.emit("resize");
    await until(() => guest.seen.includes("resize 40x90"));
    guest.exit(0);
    assert.equal(await running, 0);
    assert.deepEqual(requests[0]?.tty, { rows: 30, columns: 90 });
    assert.deepEqual(requests[0]?.env, [Buffer.from("TERM=xterm-256color").toString("base64")]);
    assert.deepEqual(world.stdin.modes, [true, false]);
    assert.equal(world.stdout.listenerCount("resize"), 0);
  });

  test("is not given when that is refused, or asked for", async (context) => {
    const refused = await servedWorld(context, { terminal });
    const guest = new FakeGuestProcess();
    guest.exit(0);
    const requests = answerWith(refused.services, guest);
    assert.equal(await refused.world.run("vm", "exec", "--no-tty", "dev", "x"), 0);
    assert.equal(requests[0]?.tty, undefined);
    assert.deepEqual(refused.world.stdin.modes, []);
    const forced = await servedWorld(context);
    const other = new FakeGuestProcess();
    other.exit(0);
    const seen = answerWith(forced.services, other);
    assert.equal(await forced.world.run("vm", "exec", "-t", "dev", "x"), 0);
    assert.deepEqual(seen[0]?.tty, { rows: 24, columns: 80 });
  });

  test("shows the machine in its window's title, and gives back the old one", async (context) => {
    const { world, services } = await servedWorld(context, { terminal });
    world.env.TERM = "xterm-256color";
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    const running = world.run("vm", "shell", "dev");
    await until(() => world.stdin.modes.length === 1);
    guest.exit(0);
    assert.equal(await running, 0);
    assert.equal(world.stdout.text, "\u001b[22;0t\u001b]0;dev\u0007\u001b[23;0t");
  });

  test("is restored when the connection breaks", async (context) => {
    const { world, services } = await servedWorld(context, { terminal });
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    const running = world.run("vm", "shell", "dev");
    await until(() => world.stdin.modes.length === 1);
    guest.outcome.reject(fault("channel_closed", { reason: "the machine stopped" }));
    guest.stdout.end();
    guest.stderr.end();
    assert.equal(await running, 255);
    assert.deepEqual(world.stdin.modes, [true, false]);
    assert.match(world.stderr.text, /the connection to the machine ended: the machine stopped/);
  });

  test("is restored, and the session ended, when a signal comes", async (context) => {
    const { world, services } = await servedWorld(context, { terminal });
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    const running = world.run("vm", "shell", "dev");
    await until(() => world.stdin.modes.length === 1);
    world.process.send("SIGTERM");
    assert.equal(await running, 143);
    assert.deepEqual(world.stdin.modes, [true, false]);
    await guest.wasReset.promise;
  });
});

describe("vm run", () => {
  test("creates a machine, runs the command and leaves the machine, saying so", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    const requests = answerWith(services, guest);
    guest.stdout.write("hello\n");
    guest.exit(3);
    assert.equal(await world.run("vm", "run", "--vcpu", "2", "--", "echo", "hello"), 3);
    assert.equal(world.stdout.text, "hello\n");
    assert.equal(
      world.stderr.text,
      "spec: 2 vcpu · 1 GiB memory · 8 GiB disk · debian-bookworm\n" +
        "vm dev keeps running · back: banger vm shell dev · delete: banger vm delete dev\n",
    );
    const create = services.seen.find(({ name }) => name === "vms.create");
    assert.deepEqual(create?.args, [{ vcpu: 2, nat: false, start: true, cold: false, ephemeral: false }]);
    assert.deepEqual(decoded(requests[0]), ["echo", "hello"]);
  });

  test("--rm deletes the machine after the command, whatever its status", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    guest.exit(9);
    assert.equal(await world.run("vm", "run", "--rm", "-q", "--", "false"), 9);
    const names = services.seen.map(({ name }) => name);
    assert.deepEqual(names, ["vms.create", "vms.exec", "vms.remove"]);
    assert.deepEqual(services.seen[0]?.args, [{ nat: false, start: true, cold: false, ephemeral: true }]);
    assert.deepEqual(services.seen[2]?.args, [sampleVm.id]);
    assert.equal(world.stderr.text, "");
  });

  test("--rm does not mind that the machine has gone by itself", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    services.on("vms.remove", () => {
      throw fault("vm_not_found", { ref: "dev" });
    });
    guest.exit(0);
    assert.equal(await world.run("vm", "run", "--rm", "--", "true"), 0);
  });

  test("--rm deletes the machine also when the command cannot be run", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.exec", () => {
      throw fault("exec_failed", { command: "nix", reason: "not found", exit: 127 });
    });
    assert.equal(await world.run("vm", "run", "--rm", "--", "nix"), 127);
    assert.ok(services.seen.some(({ name }) => name === "vms.remove"));
  });

  test("--detach prints the name and opens nothing", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("vm", "run", "-d"), 0);
    assert.equal(world.stdout.text, "dev\n");
    assert.deepEqual(
      services.seen.map(({ name }) => name),
      ["vms.create"],
    );
  });

  test("--detach --json prints the machine", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("vm", "run", "-d", "--json"), 0);
    assert.deepEqual(JSON.parse(world.stdout.text), sampleVm);
  });

  test("--timing tells how long each phase took", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.create", () => ({ ...sampleVm, timing: [{ phase: "hello", ms: 2400 }] }));
    await world.run("vm", "run", "-d", "-q", "--timing");
    assert.equal(world.stderr.text, "PHASE   TIME\nhello  2.4 s\ntotal  2.4 s\n");
  });

  test("refuses what makes no sense before anything is created", async (context) => {
    const { world, services } = await servedWorld(context);
    for (const [words, status, text] of [
      [["-d", "--rm"], 2, "--detach and --rm exclude each other"],
      [["-d", "--", "ls"], 2, "--detach takes no command"],
      [["."], 1, "`banger vm run .` is not supported here"],
      [["--memory", "much"], 2, '--memory is "much"'],
    ] as const) {
      assert.equal(await world.run("vm", "run", ...words), status);
      assert.ok(world.stderr.text.includes(text), world.stderr.text);
    }
    assert.deepEqual(services.seen, []);
  });

  test("says in what state a machine is left that was shut down from within", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    answerWith(services, guest);
    services.on("vms.show", () => ({ ...sampleVm, state: "stopped" }));
    guest.exit(0);
    await world.run("vm", "run", "--", "poweroff");
    assert.match(
      world.stderr.text,
      /vm dev is stopped and kept · start: banger vm start dev · delete: banger vm delete dev/,
    );
  });
});
