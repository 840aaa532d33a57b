import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Daemon, failure, quiet, until, World } from "./world/world.ts";

describe("a new daemon", () => {
  test("takes over what runs, with everything that can be asked of it", async () => {
    await using world = new World();
    const first = await world.daemon();
    const before = await first.service.create({ name: "dev" }, quiet());
    await first.service.set("dev", { vcpu: 3 });
    await first.service.close();
    assert.equal(world.running.length, 1, "a machine outlives its daemon");
    first.kill();
    const next = await world.daemon();
    await next.service.reconcile();
    const after = await next.service.show("dev");
    assert.deepEqual(after, { ...before, pending: { vcpu: 3 } });
    await next.assertRight();
    assert.equal((await next.service.restart("dev", {}, quiet())).spec.vcpu, 3);
    world.guest.powerOff();
    await until(async () => (await next.service.show("dev")).state === "stopped");
    await next.assertDeletable();
  });

  test("says why a machine ended while nobody watched", async () => {
    await using world = new World();
    const first = await world.daemon();
    await first.service.create({ name: "crashed" }, quiet());
    const [crashed] = world.guests;
    await first.service.create({ name: "left" }, quiet());
    const left = world.guests[1];
    first.kill();
    crashed?.signal("SIGKILL");
    left?.powerOff();
    await Promise.all([crashed?.ended, left?.ended]);
    const next = await world.daemon();
    await next.service.reconcile();
    assert.deepEqual(
      (await next.service.list()).map(({ name, state, reason }) => [name, state, reason]),
      [
        ["crashed", "stopped", "killed by SIGKILL"],
        ["left", "stopped", "the guest powered off"],
      ],
    );
    await next.assertRight();
  });

  test("needs no reason for a stop that was asked for and came to its end", async () => {
    await using world = new World();
    const first = await world.daemon();
    await first.service.create({ name: "dev" }, quiet());
    first.database.run("UPDATE vms SET state = 'stopping'");
    first.kill();
    world.guest.powerOff();
    await world.guests[0]?.ended;
    const next = await world.daemon();
    await next.service.reconcile();
    const vm = await next.service.show("dev");
    assert.deepEqual([vm.state, vm.reason], ["stopped", undefined]);
  });

  test("does not take a process for a machine of before the host's restart", async () => {
    await using world = new World();
    const first = await world.daemon();
    await first.service.create({ name: "dev" }, quiet());
    first.database.run("UPDATE vms SET runtime = json_set(runtime, '$.hostBoot', 'another')");
    first.kill();
    const next = await world.daemon();
    await next.service.reconcile();
    const vm = await next.service.show("dev");
    assert.deepEqual([vm.state, vm.reason, vm.pid], ["stopped", "the host restarted", undefined]);
    // Its process is ours after all in this world, and nobody knows of it any more.
    await next.assertRight();
  });

  test("goes on with a start that was cut off, without making anybody wait", async () => {
    await using world = new World();
    const next = await cutOffStart(world);
    Object.assign(world.guest.manners, { hangs: false });
    await next.service.reconcile();
    await until(async () => (await next.service.show("dev")).state !== "starting");
    assert.equal((await next.service.show("dev")).state, "running");
    assert.deepEqual([world.guest.phase, world.guests.length], ["booted", 1]);
    await next.assertRight();
  });

  test("gives such a start up when the guest does not come up", async () => {
    await using world = new World();
    const next = await cutOffStart(world);
    await next.service.reconcile();
    await until(async () => (await next.service.show("dev")).state === "starting");
    const { guest } = world;
    await until(() => guest.connections === 2);
    guest.breakChannel();
    await until(async () => (await next.service.show("dev")).state === "error");
    assert.equal(
      (await next.service.show("dev")).reason,
      'the agent in vm "dev" does not answer: the connection to the machine ended: the channel broke',
    );
    await next.assertRight();
  });

  test("lets such a start be stopped", async () => {
    await using world = new World();
    const next = await cutOffStart(world);
    await next.service.reconcile();
    await until(async () => (await next.service.show("dev")).state === "starting");
    assert.equal((await next.service.stop("dev", {}, quiet())).state, "created");
    await next.assertRight();
  });

  test("ends machines that nobody knows of", async () => {
    await using world = new World();
    const first = await world.daemon();
    const vm = await first.service.create({ name: "dev" }, quiet());
    first.database.run("UPDATE vms SET runtime = NULL, state = 'starting', provisioned = 0");
    first.kill();
    const next = await world.daemon();
    await next.service.reconcile();
    assert.deepEqual(world.running, []);
    const after = await next.service.show("dev");
    assert.deepEqual([after.state, after.reason], ["created", "its start was cut off when the daemon ended"]);
    assert.ok(world.logged.includes(`ending a machine that nobody knows of {"pid":${vm.pid}}`));
    await next.assertRight();
  });

  test("removes ephemeral machines, whose sessions are gone", async () => {
    await using world = new World();
    const first = await world.daemon();
    const vm = await first.service.create({ ephemeral: true }, quiet());
    await first.service.exec(vm.id, {}, quiet().signal);
    first.kill();
    const next = await world.daemon();
    await next.service.reconcile();
    assert.deepEqual(await next.service.list(), []);
    await next.assertDeletable();
  });

  test("clears away what is nobody's, but no disk that may be missed", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const { vms } = world.paths;
    const leftover = join(vms, "aaaaaaaaaaaa");
    const orphan = join(vms, "bbbbbbbbbbbb");
    const deleted = join(vms, ".deleted-cccccccccccc-01234567");
    const foreign = join(vms, "notes");
    for (const path of [leftover, orphan, deleted, foreign]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, "console.log"), "");
    }
    writeFileSync(join(orphan, "disk.qcow2"), "somebody's work");
    writeFileSync(join(deleted, "disk.qcow2"), "deleted on purpose");
    await daemon.service.create({ name: "dev" }, quiet());
    const [root] = world.guest.spec.runDirectory.split("/").slice(-2);
    const stray = join(world.paths.runtime, root ?? "", "dddddddddddd");
    mkdirSync(stray);
    const other = join(world.paths.runtime, "00000000", "eeeeeeeeeeee");
    mkdirSync(other, { recursive: true });
    daemon.kill();
    const next = await world.daemon();
    await next.service.reconcile();
    assert.deepEqual([leftover, deleted, stray].map(existsSync), [false, false, false]);
    assert.deepEqual([orphan, foreign, other].map(existsSync), [true, true, true]);
    assert.ok(world.logged.includes(`a machine's directory has no record {"directory":"${orphan}"}`));
    assert.equal((await next.service.show("dev")).state, "running");
  });

  test("is not held up by one machine that cannot be put right", async () => {
    await using world = new World();
    const first = await world.daemon();
    await first.service.create({ name: "a" }, quiet());
    await first.service.create({ name: "b" }, quiet());
    first.database.run("UPDATE vms SET runtime = '{\"from\":\"another version\"}' WHERE name = 'a'");
    first.kill();
    const next = await world.daemon();
    await next.service.reconcile();
    const states = (await next.service.list()).map(({ name, state }) => [name, state]);
    assert.deepEqual(states, [
      ["a", "stopped"],
      ["b", "running"],
    ]);
    await next.assertRight();
  });
});

describe("closing", () => {
  test("cancels what is under way and lets go of what runs", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "runs" }, quiet());
    world.manners = { hangs: true };
    const creating = failure(daemon.service.create({ name: "hangs" }, quiet()));
    await until(() => world.running.length === 2);
    await daemon.service.close();
    assert.equal((await creating).code, "interrupted");
    assert.deepEqual(
      (await daemon.service.list()).map(({ name, state }) => [name, state]),
      [["runs", "running"]],
    );
    assert.equal(world.running.length, 1);
    assert.equal((await failure(daemon.service.create({}, quiet()))).code, "interrupted");
  });
});

/** A daemon after one that was killed while a guest hung in its start. */
async function cutOffStart(world: World): Promise<Daemon> {
  world.manners = { hangs: true };
  const first = await world.daemon();
  first.service.create({ name: "dev" }, world.quiet).catch(() => undefined);
  await until(() => world.guests[0]?.connections === 1);
  first.kill();
  return await world.daemon();
}
