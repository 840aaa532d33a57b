import assert from "node:assert/strict";
import { existsSync, readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import type { VmService } from "../../../src/vm/service.ts";
import { failure, gib, mib, quiet, until, World } from "../world/world.ts";

class TemplateWorld extends World {
  override config = { templates: "auto" } as const;
}

/** A service on a host that has a template of the default machine. */
async function prepared(world: World): Promise<VmService> {
  const { service } = await world.daemon();
  await service.buildTemplate({}, quiet());
  assert.equal((await service.templates()).length, 1);
  assert.deepEqual(world.running, [], "the machine it was taken from is gone");
  return service;
}

async function saved(service: VmService): Promise<void> {
  await until(async () => (await service.show("dev")).origin?.identity?.saved === true);
}

function built(world: World): string[] {
  return existsSync(world.paths.templates) ? readdirSync(world.paths.templates) : [];
}

describe("making a template", () => {
  test("takes a machine without an identity to rest, saves it and ends it", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const guest = world.guests[0];
    assert.ok(guest);
    assert.deepEqual(guest.orders, ["forget", "pause", "save"]);
    assert.equal(guest.mounts[0]?.hostname, "localhost");
    assert.equal(guest.files.get("/etc/hostname")?.content, "localhost\n");
    assert.deepEqual(guest.inits, ["/sbin/init"]);
    assert.equal(guest.spec.background, true);
    const [template] = await service.templates();
    assert.deepEqual(template?.spec, { vcpu: 2, memory: 2 * gib, disk: 8 * gib, nat: false });
    assert.deepEqual(world.runDirectories, []);
    assert.deepEqual(await service.list(), [], "it never was one of the user's machines");
    const files = readdirSync(join(world.paths.templates, template?.id ?? "")).sort();
    assert.deepEqual(files, ["disk.qcow2", "manifest.json", "memory", "state"]);
  });

  test("again finds it made", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const again = await service.buildTemplate({}, quiet());
    assert.deepEqual([again], await service.templates());
    assert.equal(world.guests.length, 1);
  });

  test("that fails leaves nothing, and the reason", async () => {
    await using world = new TemplateWorld();
    world.manners = { diesAtOnce: true };
    const { service } = await world.daemon();
    const error = await failure(service.buildTemplate({}, quiet()));
    assert.equal(error.code, "template_failed");
    assert.equal(error.message, "a template could not be made: killed by SIGKILL");
    assert.deepEqual(built(world), []);
    assert.deepEqual(world.runDirectories, []);
  });

  test("happens by itself after a boot for want of one, once", async () => {
    await using world = new TemplateWorld();
    const { service } = await world.daemon();
    const first = await service.create({ name: "first" }, quiet());
    assert.deepEqual(first.origin, { path: "cold", reason: "no template of this image and size yet" });
    await until(async () => (await service.templates()).length === 1);
    const second = await service.create({ name: "second" }, quiet());
    assert.equal(second.origin?.path, "template");
    await service.close();
    assert.equal(world.guests.length, 3);
  });

  test("in the background ends with the daemon, and its machine with it", async () => {
    await using world = new TemplateWorld();
    const { service } = await world.daemon();
    const vm = await service.create({}, quiet());
    await until(() => world.guests.length === 2);
    await service.close();
    assert.deepEqual(
      world.running.map(({ spec }) => spec.id),
      [vm.id],
    );
  });
});

describe("a copy of a template", () => {
  test("is given an identity of its own before anything else, and says which", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const vm = await service.create({ name: "dev" }, quiet());
    const { identities, mounts, files, orders } = world.guest;
    assert.equal(mounts.length, 0, "it did not boot");
    assert.deepEqual(orders, []);
    const [identity] = identities;
    assert.equal(identities.length, 1);
    assert.equal(identity?.hostname, "dev");
    assert.equal(identity?.entropy.length, 64);
    assert.deepEqual([...files.keys()].sort(), [
      "/etc/hostname",
      "/etc/hosts",
      "/etc/machine-id",
      "/etc/ssh/ssh_host_ed25519_key",
      "/etc/ssh/ssh_host_ed25519_key.pub",
    ]);
    const { origin } = vm;
    assert.equal(origin?.path, "template");
    assert.equal(origin?.template, (await service.templates())[0]?.id);
    assert.equal(origin?.identity?.bootId, identity?.bootId);
    assert.equal(origin?.identity?.machineId, String(files.get("/etc/machine-id")?.content).trim());
    assert.match(origin?.identity?.hostKey ?? "", /^SHA256:[A-Za-z0-9+/]{43}$/);
    assert.deepEqual(
      vm.timing?.map(({ phase }) => phase),
      ["image", "kernel", "probe", "template", "disk", "restore", "hello", "identity"],
    );
  });

  test("differs from the next one in all of it", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const [one, other] = await Promise.all([service.create({}, quiet()), service.create({}, quiet())]);
    const [a, b] = [one.origin?.identity, other.origin?.identity];
    for (const what of ["hostname", "machineId", "bootId", "hostKey"] as const) {
      assert.notEqual(a?.[what], b?.[what], what);
    }
    const [, first, second] = world.guests;
    assert.notDeepEqual(first?.identities[0]?.entropy, second?.identities[0]?.entropy);
  });

  test("with a larger disk is told so before it grows", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const vm = await service.create({ disk: 20 * gib }, quiet());
    assert.equal(vm.origin?.path, "template");
    assert.deepEqual(world.guest.orders, [`disk 0 ${20 * gib}`]);
    assert.deepEqual(world.guest.identities[0]?.disk, { serial: "banger-root", size: 20 * gib });
  });

  test("keeps what it needs of the template when that goes", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const vm = await service.create({ name: "dev" }, quiet());
    const [template] = await service.templates();
    const { freed, id } = await service.removeTemplate(template?.id.slice(0, 4) ?? "");
    assert.ok(freed > 0);
    assert.equal(id, template?.id);
    assert.deepEqual(built(world), []);
    assert.deepEqual(readdirSync(join(world.paths.vms, vm.id)).includes("base.qcow2"), true);
    await service.stop("dev", {}, quiet());
    const again = await service.start("dev", quiet());
    assert.equal(again.state, "running");
    assert.equal(world.guest.mounts.length, 1, "it boots from its own disk");
    assert.equal(again.origin?.template, template?.id, "how it came to be does not change");
  });

  test("as large as the template has nothing to grow", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    await service.create({}, quiet());
    assert.equal(world.guest.identities[0]?.disk, undefined);
  });

  test("that is killed before its identity is on its disk is given it again when it boots", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const vm = await service.create({ name: "dev" }, quiet());
    await service.kill("dev", {}, quiet());
    await service.start("dev", quiet());
    const name = world.guest.files.get("/etc/machine-id");
    assert.equal(name?.content, `${vm.origin?.identity?.machineId}\n`);
    assert.equal(name?.onlyIfMissing, undefined);
    await service.close();
  });

  for (const [how, save] of [
    ["in a while", async (service: VmService): Promise<unknown> => await saved(service)],
    ["with a stop", async (service: VmService): Promise<unknown> => await service.stop("dev", {}, quiet())],
  ] as const) {
    test(`whose identity has reached its disk ${how} keeps what was changed of it inside`, async () => {
      await using world = new TemplateWorld();
      world.deadlines = { saved: how === "in a while" ? 1 : 60_000 };
      const service = await prepared(world);
      await service.create({ name: "dev" }, quiet());
      await save(service);
      if (how === "in a while") await service.kill("dev", {}, quiet());
      const { origin } = await service.start("dev", quiet());
      assert.equal(origin?.identity?.saved, true);
      assert.equal(world.guest.files.get("/etc/hostname")?.onlyIfMissing, true);
      await service.close();
    });
  }

  test("whose start a daemon could not finish is told of its disk again, and gets its identity", async () => {
    await using world = new TemplateWorld();
    await (await prepared(world)).close();
    const first = await world.daemon();
    world.manners = { hangs: true };
    void first.service.create({ name: "dev", disk: 20 * gib }, world.quiet).catch(() => undefined);
    await until(() => world.running.length === 1 && world.guest.connections === 1);
    first.kill();
    world.guest.orders.length = 0;
    Object.assign(world.guest.manners, { hangs: false });
    const { service } = await world.daemon();
    await service.reconcile();
    await until(async () => (await service.show("dev")).state === "running");
    assert.deepEqual(world.guest.orders, [`disk 0 ${20 * gib}`]);
    assert.equal(world.guest.identities[0]?.disk?.size, 20 * gib);
    await service.close();
  });

  const others: [what: string, request: object, reason: string][] = [
    ["that is asked for cold boots", { cold: true }, "--cold was given"],
    ["of another size boots", { memory: 512 * mib }, "no template of this image and size yet"],
    ["with a network card boots", { nat: true }, "no template of this image and size yet"],
    ["with a smaller disk boots", { disk: 4 * gib }, "no template of this image and size yet"],
    ["of another image boots", { image: "other" }, "no template of this image and size yet"],
    ["with fewer processors boots", { vcpu: 1 }, "no template of this image and size yet"],
  ];
  for (const [what, request, reason] of others) {
    test(`${what}, and says why`, async () => {
      await using world = new TemplateWorld();
      const service = await prepared(world);
      const vm = await service.create(request, quiet());
      assert.deepEqual(vm.origin, { path: "cold", reason });
      await service.close();
    });
  }

  test("is not made where templates are off", async () => {
    await using world = new World();
    const service = await prepared(world);
    const vm = await service.create({}, quiet());
    assert.deepEqual(vm.origin, { path: "cold", reason: "templates are off" });
  });

  test("is not made from one of another monitor", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    world.monitor = "2";
    assert.equal((await service.create({}, quiet())).origin?.path, "cold");
    await service.close();
  });
});

describe("a template that does not serve", () => {
  test("because it cannot be restored is dropped, and the machine boots", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const [template] = await service.templates();
    world.restoreFailure = fault("vmm_failed", { program: "QEMU", reason: "Unknown savevm section" });
    const vm = await service.create({ name: "dev" }, quiet());
    assert.equal(vm.state, "running");
    const why = "QEMU did not start the machine: Unknown savevm section";
    assert.deepEqual(vm.origin, {
      path: "cold",
      reason: `template ${template?.id} could not be restored: ${why}`,
    });
    assert.ok(world.logged.some((line) => line.startsWith("dropping a template") && line.includes(why)));
    assert.equal(world.guest.mounts.length, 1);
    assert.equal(readdirSync(join(world.paths.vms, vm.id)).includes("base.qcow2"), false);
    await service.close();
  });

  test("because its copy does not become another machine is dropped, and the machine boots", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    world.manners = { keepsItsName: true };
    const vm = await service.create({ name: "dev" }, quiet());
    assert.equal(vm.origin?.path, "cold");
    assert.match(vm.origin?.reason ?? "", /its hostname is localhost instead of dev$/);
    assert.equal(world.running.length, 1, "the copy that failed is gone");
    await service.close();
  });

  test("because its copy never answers is dropped, and the machine boots", async () => {
    await using world = new TemplateWorld();
    world.deadlines = { restored: 20 };
    const service = await prepared(world);
    world.manners = { silentCopies: true };
    const vm = await service.create({ name: "dev" }, quiet());
    assert.match(vm.origin?.reason ?? "", /could not be restored/);
    assert.equal(vm.state, "running");
    await service.close();
  });

  test("because a file of it was changed is dropped before it is used", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const [template] = await service.templates();
    truncateSync(join(world.paths.templates, template?.id ?? "", "memory"), 1);
    const vm = await service.create({}, quiet());
    assert.equal(vm.origin?.path, "cold");
    assert.match(vm.origin?.reason ?? "", /^template "[0-9a-f]{12}" is damaged: .*memory was changed$/);
    await service.close();
  });

  test("because its image is gone goes with it", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const [template] = await service.templates();
    await service.forgetTemplates({ image: "another" });
    assert.equal((await service.templates()).length, 1);
    await service.forgetTemplates({ image: template?.image.id ?? "" });
    assert.deepEqual(await service.templates(), []);
  });

  test("because its kernel is gone goes with it", async () => {
    await using world = new TemplateWorld();
    const service = await prepared(world);
    const [template] = await service.templates();
    const kernel = template?.kernel ?? "";
    assert.deepEqual(await service.templatesUsing({ kernel: "another" }), []);
    assert.deepEqual(await service.templatesUsing({ kernel }), [template?.id]);
    assert.deepEqual(await service.templatesUsing({ image: template?.image.id ?? "" }), [template?.id]);
    await service.forgetTemplates({ kernel });
    assert.deepEqual(await service.templates(), []);
  });

  test("because there is none of that name is said", async () => {
    await using world = new TemplateWorld();
    const { service } = await world.daemon();
    const error = await failure(service.removeTemplate("3fa"));
    assert.equal(error.message, 'template "3fa" not found');
  });
});

test("a daemon that was killed while it made a template leaves nothing of it", async () => {
  await using world = new TemplateWorld();
  const first = await world.daemon();
  first.crash.arm(12);
  const building = first.service.buildTemplate({}, world.quiet).catch(() => undefined);
  await Promise.race([first.crash.crashed.promise, building]);
  first.kill();
  const second = await world.daemon();
  await second.service.reconcile();
  assert.deepEqual(world.running, []);
  assert.deepEqual(built(world), []);
  assert.deepEqual(world.runDirectories, []);
  await second.assertRight();
});
