import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, listening, quiet, until, World } from "./world/world.ts";

type Answer = string | (() => string);

/** Answers every command of the guest as the table says, by its program. */
function guestAnswers(world: World, table: Record<string, Answer>): () => void {
  const answer = setInterval(() => {
    for (const { commands } of world.running) {
      for (const command of commands.filter(({ stdout }) => !stdout.writableEnded)) {
        const said = table[String(command.spec.args?.[0])];
        if (said === undefined) continue;
        command.stdout.end(typeof said === "string" ? said : said());
        command.stderr.end();
        command.exit(0);
      }
    }
  }, 2);
  return () => clearInterval(answer);
}

const port8080 = "   0: 0100007F:1F90 00000000:0000 0A 0\n";

describe("waiting for a machine", () => {
  test("that is ready takes no time, and that is starting as long as it starts", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const creating = service.create({ name: "dev" }, quiet());
    await until(async () => (await service.list()).length === 1);
    assert.equal((await service.wait("dev", {}, quiet())).state, "running");
    await creating;
    assert.equal((await service.wait("dev", { for: ["agent"], timeout: 5 }, quiet())).state, "running");
  });

  test("asks systemd until everything is up, and says when something failed", async (t) => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const states = ["offline\n", "starting\n", "degraded\n"];
    t.after(guestAnswers(world, { systemctl: () => states.shift() ?? "running\n" }));
    const context = listening();
    await service.wait("dev", { for: ["system"] }, context);
    assert.deepEqual(states, []);
    assert.deepEqual(
      context.heard.map(({ message }) => message),
      ["some of its services have failed: systemctl --failed"],
    );
  });

  test("looks for a port until something listens there, whatever else it waits for", async (t) => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    let looks = 0;
    const cat = (): string => {
      looks += 1;
      return looks < 3 ? "" : port8080;
    };
    t.after(guestAnswers(world, { cat, systemctl: "running\n" }));
    await service.wait("dev", { for: ["port:8080", "system", "agent"] }, quiet());
    assert.equal(looks, 3);
  });

  test("names what it still waits for at the deadline, and leaves nothing running in the guest", async (t) => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    t.after(guestAnswers(world, { cat: "" }));
    const request = { for: ["agent", "port:8080", "system"], timeout: 0.05 };
    const error = await failure(service.wait("dev", request, quiet()));
    assert.deepEqual([error.code, error.exit], ["wait_expired", 124]);
    assert.equal(
      error.message,
      'vm "dev" did not get there within 0.05 s: still waiting for port:8080 and system',
    );
    const systemctl = world.guest.commands.find(({ spec }) => spec.args?.[0] === "systemctl");
    assert.ok(systemctl);
    await assert.rejects(systemctl.exited, "it was ended");
  });

  test("for its end ends with it, and with anything else fails with it", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const ending = service.wait("dev", { for: ["exit"] }, quiet());
    const hoping = failure(service.wait("dev", { for: ["exit", "port:1"] }, quiet()));
    await until(() => world.guest.commands.length > 0);
    world.guest.powerOff();
    assert.equal((await ending).state, "stopped");
    const error = await hoping;
    assert.equal(error.message, 'vm "dev" is stopped; to wait for it it must be running');
    assert.equal((await service.wait("dev", { for: ["exit"] }, quiet())).state, "stopped", "at once");
    assert.equal((await failure(service.wait("dev", {}, quiet()))).code, "vm_wrong_state");
  });

  test("is cancelled", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const abort = new AbortController();
    const waiting = failure(service.wait("dev", { for: ["exit"] }, quiet(abort.signal)));
    abort.abort();
    assert.equal((await waiting).message, "waiting for vm dev was cancelled");
  });

  test("keeps an ephemeral one that nobody has come to yet", async (t) => {
    await using world = new World();
    world.deadlines = { firstSession: 40 };
    const { service } = await world.daemon();
    await service.create({ name: "dev", ephemeral: true }, quiet());
    let looks = 0;
    const systemctl = (): string => {
      looks += 1;
      return looks < 2 ? "starting\n" : "running\n";
    };
    t.after(guestAnswers(world, { systemctl }));
    await service.wait("dev", { for: ["system"] }, quiet());
    assert.equal((await service.list()).length, 1);
    await until(async () => (await service.list()).length === 0);
  });
});
