import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { failure, gib, imageId, listening, quiet, until, World } from "../world/world.ts";

/** A host with a stopped machine, whose guests carry out every command at once. */
async function stopped(world: World) {
  const daemon = await world.daemon();
  await daemon.service.create({ name: "dev", disk: 4 * gib }, world.quiet);
  await daemon.service.stop("dev", {}, world.quiet);
  world.manners = { runs: (command) => command.exit(0) };
  return daemon;
}

describe("committing a machine", () => {
  test("makes an image that says what it came from, and leaves the machine as it was", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    const before = await service.show("dev");
    const image = await service.commit("dev", { name: "mine" }, quiet());
    assert.equal(image.name, "mine");
    assert.equal(image.kernel, "generic-6.1");
    assert.equal(image.init, "/sbin/init");
    assert.deepEqual(image.source, { kind: "commit", detail: "vm dev of debian-bookworm" });
    assert.deepEqual(image.origin, {
      image: { id: imageId("debian-bookworm"), name: "debian-bookworm", sha256: "0".repeat(64) },
      vm: { id: before.id, name: "dev" },
    });
    assert.deepEqual(await service.show("dev"), before);
    assert.deepEqual(world.machineDirectories, [before.id]);
    assert.deepEqual(world.runDirectories, []);
    const again = await service.create({ image: "mine" }, world.quiet);
    assert.deepEqual(again.image, { id: image.id, name: "mine" });
  });

  test("reads the disk in a guest of its own, over a layer that is thrown away", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    await service.commit("dev", { name: "mine" }, quiet());
    const [machine, sealing] = world.guests;
    assert.ok(machine && sealing);
    assert.match(sealing.spec.disks[0]?.path ?? "", /seal\.qcow2$/);
    assert.notEqual(sealing.spec.id, machine.spec.id);
    assert.equal(sealing.spec.nic, undefined);
    assert.deepEqual(
      sealing.mounts.map(({ grow, hostname }) => ({ grow, hostname })),
      [{ grow: false, hostname: "localhost" }],
    );
    assert.deepEqual(sealing.inits, [undefined]);
    assert.deepEqual([...sealing.files.keys()].sort(), [
      "/etc/machine-id",
      "/etc/ssh/ssh_host_ed25519_key",
      "/etc/ssh/ssh_host_ed25519_key.pub",
    ]);
    assert.ok([...sealing.files.values()].every(({ content }) => content === ""));
    assert.equal(sealing.files.get("/etc/ssh/ssh_host_ed25519_key")?.onlyInDirectory, true);
    assert.match(String(sealing.commands[0]?.spec.args[2]), /rm -f \/etc\/ssh\/ssh_host_\*_key/);
    assert.deepEqual(sealing.orders, ["now"]);
    assert.equal(sealing.alive, false);
  });

  test("keeps how the machine's image wants its programs run", async () => {
    await using world = new World();
    world.imageConfig = { env: ["A=1"], entrypoint: ["/run-me"], cmd: [], user: "bob", workdir: "/work" };
    const { service } = await stopped(world);
    const { config } = await service.commit("dev", { name: "mine" }, quiet());
    assert.deepEqual(config, world.imageConfig);
  });

  test("says its stages", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    const context = listening();
    await service.commit("dev", { name: "mine" }, context);
    assert.deepEqual(
      context.heard.filter(({ state }) => state === "started").map(({ message }) => message),
      [
        "committing dev as mine",
        "taking the identity out of a copy of dev",
        "writing the root file system",
        "taking the image's checksum",
      ],
    );
  });

  test("goes on without a shell, and says what that means", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    world.manners = {
      runs: () => {
        throw fault("exec_failed", { command: "/bin/sh", reason: "no such file or directory", exit: 127 });
      },
    };
    const context = listening();
    await service.commit("dev", { name: "mine" }, context);
    assert.deepEqual(
      context.heard.filter(({ state }) => state === "note").map(({ message }) => message),
      ["dev has no shell: what it has logged and its free blocks stay in the image"],
    );
  });

  test("is refused while the machine runs, unless it may be stopped", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, world.quiet);
    const error = await failure(service.commit("dev", { name: "mine" }, quiet()));
    assert.equal(error.code, "vm_wrong_state");
    assert.equal(error.message, 'vm "dev" is running; to commit it it must be stopped');
    assert.equal(error.remedy, "Stop it: banger vm stop dev");
    world.manners = { runs: (command) => command.exit(0) };
    await service.commit("dev", { name: "mine", stop: true }, quiet());
    assert.equal((await service.show("dev")).state, "stopped");
  });

  test("is refused for a machine that has no disk, a name that is taken and one that is none", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    await service.create({ name: "idle", start: false }, world.quiet);
    const idle = await failure(service.commit("idle", { name: "mine" }, quiet()));
    assert.equal(idle.code, "vm_disk_missing");
    assert.equal(idle.message, 'vm "idle" has never run and has no disk of its own');
    const { id } = await service.commit("dev", { name: "mine" }, quiet());
    const taken = await failure(service.commit("dev", { name: "mine" }, quiet()));
    assert.equal(taken.message, `image "mine" exists already (id ${id})`);
    assert.equal((await failure(service.commit("dev", { name: "../x" }, quiet()))).code, "invalid_value");
    assert.equal(world.guests.length, 2);
  });

  test("leaves nothing when its guest does not come up, and says so with the console", async () => {
    await using world = new World();
    const { service, images } = await stopped(world);
    world.manners = { refusesMount: true };
    const error = await failure(service.commit("dev", { name: "mine" }, quiet()));
    assert.equal(error.code, "vm_failed");
    assert.match(error.message, /^vm "dev" failed: its disk could not be prepared for an image: .*no disk/);
    assert.match(error.causes[0] ?? "", /ready/);
    assert.deepEqual(await images.list(), []);
    assert.equal(world.machineDirectories.length, 1);
    assert.deepEqual(world.running, []);
  });

  test("ends and leaves nothing when it is cancelled, whatever its guest does", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    world.manners = { runs: () => undefined };
    const abort = new AbortController();
    const committing = failure(service.commit("dev", { name: "mine" }, quiet(abort.signal)));
    await until(() => world.guests[1]?.commands.length === 1);
    abort.abort();
    assert.equal((await committing).code, "interrupted");
    assert.deepEqual(world.running, []);
    assert.equal(world.machineDirectories.length, 1);
    const left = readdirSync(join(world.directory, "images")).filter((name) => name !== ".locks");
    assert.deepEqual(left, []);
    assert.equal((await service.show("dev")).state, "stopped");
  });

  test("keeps others from the machine until it is done", async () => {
    await using world = new World();
    const { service } = await stopped(world);
    world.manners = { runs: () => undefined };
    const committing = service.commit("dev", { name: "mine" }, world.quiet);
    await until(() => world.guests[1]?.commands.length === 1);
    const starting = service.start("dev", world.quiet);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await service.show("dev")).state, "stopped");
    world.manners = {};
    world.guests[1]?.commands[0]?.exit(0);
    const image = await committing;
    await starting;
    const rootfs = join(world.directory, "images", image.id, "rootfs.ext4");
    assert.ok(existsSync(rootfs) && readFileSync(rootfs).length > 0);
    assert.equal((await service.show("dev")).state, "running");
  });

  test("of one machine under two names at once makes both", async () => {
    await using world = new World();
    const { service, images } = await stopped(world);
    const made = await Promise.all(["a", "b"].map((name) => service.commit("dev", { name }, world.quiet)));
    assert.deepEqual(
      (await images.list()).map(({ id }) => id),
      made.map(({ id }) => id),
    );
  });
});
