import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../src/lib/errors/error.ts";
import type { ExecRequest } from "../../src/model/api/requests.ts";
import { failure, gib, listening, mib, quiet, until, World } from "./world/world.ts";

const shell: ExecRequest = { args: [] };

describe("creating a machine", () => {
  test("resolves, reserves and starts it", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const context = listening();
    const vm = await service.create({ name: "dev" }, context);
    assert.match(vm.id, /^[0-9a-f]{12}$/);
    assert.match(vm.createdAt, /^20.*Z$/);
    assert.match(vm.startedAt ?? "", /^20.*Z$/);
    assert.deepEqual(
      { ...vm, id: "", createdAt: "", startedAt: "", timing: [] },
      {
        id: "",
        name: "dev",
        state: "running",
        image: { id: "64656269616e", name: "debian-bookworm" },
        kernel: "generic-6.1",
        spec: { vcpu: 2, memory: 2 * gib, disk: 8 * gib, nat: false },
        driver: "double",
        accelerator: "tcg",
        pid: world.guest.runtime.process.pid,
        ephemeral: false,
        createdAt: "",
        startedAt: "",
        diskUsed: vm.diskUsed,
        timing: [],
        origin: { path: "cold", reason: "templates are off" },
      },
    );
    assert.ok(vm.diskUsed && vm.diskUsed > 0);
    assert.deepEqual(
      vm.timing?.map(({ phase }) => phase),
      ["image", "kernel", "probe", "template", "disk", "vmm", "hello", "mount", "files", "boot"],
    );
    assert.deepEqual(
      context.heard.map(({ stage, state, message }) => `${stage} ${state}: ${message}`),
      ["vm.start started: starting dev", "vm.start done: starting dev"],
    );
  });

  test("gives the driver the disks, the kernel and the card, and the guest its identity", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const vm = await service.create({ name: "dev", nat: true, kernel: "generic-6.12" }, quiet());
    const { spec, mounts, files, inits } = world.guest;
    const { id } = vm;
    assert.deepEqual(
      spec.disks.map(({ serial, readOnly, format }) => ({ serial, readOnly, format })),
      [
        { serial: "banger-root", readOnly: false, format: "qcow2" },
        { serial: "banger-modules", readOnly: true, format: "raw" },
      ],
    );
    const mac = `52:54:00:${id.slice(0, 2)}:${id.slice(2, 4)}:${id.slice(4, 6)}`;
    assert.deepEqual(spec.nic, { kind: "user", mac });
    assert.equal(spec.kernel.commandLine, "quiet tcg");
    assert.equal(vm.kernel, "generic-6.12");
    const [mount] = mounts;
    assert.equal(mount?.entropy.length, 64);
    assert.deepEqual(
      { ...mount, entropy: undefined },
      {
        rootSerial: "banger-root",
        rootFstype: "ext4",
        modulesSerial: "banger-modules",
        hostname: "dev",
        entropy: undefined,
        grow: true,
        network: { address: "10.0.2.15/24", gateway: "10.0.2.2", mac },
      },
    );
    assert.deepEqual(inits, ["/sbin/init"]);
    assert.deepEqual(
      [...files.keys()],
      [
        "/etc/hostname",
        "/etc/hosts",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub",
        "/etc/resolv.conf",
      ],
    );
    assert.equal(files.get("/etc/hostname")?.content, "dev\n");
    const key = join(world.paths.vms, id, "host_key");
    assert.equal(files.get("/etc/ssh/ssh_host_ed25519_key")?.content, readFileSync(key, "utf8"));
  });

  test("without a start makes a record only", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const vm = await daemon.service.create({ name: "dev", start: false }, quiet());
    assert.equal(vm.state, "created");
    assert.equal(vm.diskUsed, undefined);
    assert.deepEqual(world.machineDirectories, []);
    await daemon.assertRight();
    assert.equal((await daemon.service.start("dev", quiet())).state, "running");
    await daemon.assertDeletable();
  });

  test("gives readable names that differ", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const made = await Promise.all(
      Array.from({ length: 5 }, () => service.create({ start: false }, quiet())),
    );
    assert.equal(new Set(made.map((vm) => vm.name)).size, 5);
    for (const vm of made) assert.match(vm.name, /^[a-z]+-[a-z]+$/);
  });

  test("refuses what is wrong before anything is made, each in its own words", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const { service } = daemon;
    await service.create({ name: "taken", start: false }, quiet());
    const cases = [
      [{ name: "Not_A_Label" }, "vm_name_invalid", '"Not_A_Label" is not a vm name'],
      [{ name: "taken" }, "vm_name_taken", 'a vm named "taken" exists already'],
      [{ image: "nope" }, "image_not_found", 'image "nope" not found'],
      [{ kernel: "nope" }, "kernel_not_found", 'kernel "nope" not found'],
      [{ vcpu: 0 }, "vm_spec_invalid", "a machine cannot have 0 processors"],
      [{ memory: 17 * gib }, "vm_spec_invalid", "17 GiB of memory does not fit this host, which has 16 GiB"],
      [
        { disk: 500 * mib },
        "vm_spec_invalid",
        "a disk of 500 MiB does not hold the image debian-bookworm of 1 GiB",
      ],
    ] as const;
    for (const [request, code, message] of cases) {
      const error = await failure(service.create(request, quiet()));
      assert.deepEqual([error.code, error.message], [code, message]);
    }
    assert.equal((await service.list()).length, 1);
    await daemon.assertRight();
  });

  test("of one name twice at once makes one", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const results = await Promise.allSettled([
      daemon.service.create({ name: "dev" }, quiet()),
      daemon.service.create({ name: "dev" }, quiet()),
    ]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await daemon.service.list()).length, 1);
    await daemon.assertRight();
  });

  test("that fails leaves nothing, whatever failed", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    for (const [manners, code] of [
      [{ refusesMount: true }, "guest_unreachable"],
      [{ diesAtOnce: true }, "vm_failed"],
      [{ foreign: true }, "guest_unreachable"],
    ] as const) {
      world.manners = manners;
      assert.equal((await failure(daemon.service.create({ name: "dev" }, quiet()))).code, code);
      await daemon.assertDeletable();
    }
    world.startFailure = fault("vmm_failed", { program: "qemu", reason: "no" });
    const error = await failure(daemon.service.create({ name: "dev" }, quiet()));
    assert.equal(error, world.startFailure);
    await daemon.assertDeletable();
  });

  test("that hears no hello says so, with the end of the console", async () => {
    await using world = new World();
    world.deadlines = { hello: 20 };
    world.manners = { silent: true };
    const daemon = await world.daemon();
    const error = await failure(daemon.service.create({ name: "dev" }, quiet()));
    assert.equal(error.message, 'the agent in vm "dev" does not answer: no hello');
    assert.deepEqual(error.causes, [
      'its console ends with "Linux version 6.1 / ready"',
      'the agent in vm "dev" does not answer: no hello',
    ]);
    await daemon.assertDeletable();
  });

  test("that is cancelled leaves nothing", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    const abort = new AbortController();
    const creating = failure(daemon.service.create({ name: "dev" }, quiet(abort.signal)));
    await until(() => world.running.length === 1);
    abort.abort();
    const error = await creating;
    assert.deepEqual([error.code, error.message], ["interrupted", "starting vm dev was cancelled"]);
    await daemon.assertDeletable();
  });

  test("says before anything that a socket's path would be too long", async () => {
    await using world = new World();
    const deep = join(world.directory, "x".repeat(80));
    Object.defineProperty(world, "paths", {
      value: { vms: join(world.directory, "vms"), runtime: deep },
    });
    const daemon = await world.daemon();
    assert.equal((await failure(daemon.service.create({}, quiet()))).code, "path_too_long");
    assert.deepEqual(await daemon.service.list(), []);
    assert.equal(existsSync(deep), false);
  });
});

describe("starting and stopping", () => {
  test("keeps disk, identity and what was changed inside", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const vm = await service.create({ name: "dev" }, quiet());
    const first = world.guest;
    const disk = join(world.paths.vms, vm.id, "disk.qcow2");
    writeFileSync(disk, "what the guest wrote");
    const stopped = await service.stop("dev", {}, quiet());
    assert.deepEqual([stopped.state, stopped.reason, stopped.pid], ["stopped", undefined, undefined]);
    assert.deepEqual(first.orders, ["sync", "ask"]);
    assert.deepEqual(world.runDirectories, []);
    await service.start("dev", quiet());
    assert.equal(readFileSync(disk, "utf8"), "what the guest wrote");
    const second = world.guest;
    // The double starts with an empty disk: what is written is what was missing, and only under that condition.
    for (const file of second.files.values()) assert.equal(file.onlyIfMissing, true, file.path);
    for (const [path, file] of first.files) assert.equal(second.files.get(path)?.content, file.content);
  });

  test("a running or a stopped machine once more changes nothing", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const vm = await service.create({ name: "dev" }, quiet());
    const again = await service.start("dev", quiet());
    assert.equal(again.pid, vm.pid);
    await service.stop("dev", {}, quiet());
    assert.equal((await service.stop("dev", {}, quiet())).state, "stopped");
  });

  test("twice at once starts it once", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev", start: false }, quiet());
    await Promise.all([service.start("dev", quiet()), service.start("dev", quiet())]);
    assert.equal(world.guests.length, 1);
  });

  test("that fails leaves the machine in error with the reason, and can be tried again", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev", start: false }, quiet());
    world.manners = { diesAtOnce: true };
    const error = await failure(daemon.service.start("dev", quiet()));
    assert.equal(error.message, 'vm "dev" failed: killed by SIGKILL');
    assert.match(error.causes[0] ?? "", /^its console ends with "Linux version/);
    const vm = await daemon.service.show("dev");
    assert.deepEqual([vm.state, vm.reason], ["error", 'vm "dev" failed: killed by SIGKILL']);
    await daemon.assertRight();
    world.manners = {};
    const better = await daemon.service.start("dev", quiet());
    assert.deepEqual([better.state, better.reason], ["running", undefined]);
    await daemon.assertDeletable();
  });

  test("never replaces a disk that is gone by an empty one", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const vm = await service.create({ name: "dev" }, quiet());
    await service.stop("dev", {}, quiet());
    const disk = join(world.paths.vms, vm.id, "disk.qcow2");
    rmSync(disk);
    const error = await failure(service.start("dev", quiet()));
    assert.equal(error.message, `vm "dev" failed: its disk ${disk} is gone`);
    assert.equal(existsSync(disk), false);
  });

  test("a cancelled start leaves it as it was", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev", start: false }, quiet());
    const abort = new AbortController();
    const starting = failure(daemon.service.start("dev", quiet(abort.signal)));
    await until(async () => (await daemon.service.show("dev")).pid !== undefined);
    assert.equal((await daemon.service.show("dev")).state, "starting");
    abort.abort();
    assert.equal((await starting).code, "interrupted");
    assert.equal((await daemon.service.show("dev")).state, "created");
    await daemon.assertRight();
  });

  test("a stop interrupts a start that hangs", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev", start: false }, quiet());
    const starting = failure(daemon.service.start("dev", quiet()));
    await until(() => world.running.length === 1);
    assert.equal((await daemon.service.stop("dev", {}, quiet())).state, "created");
    assert.equal((await starting).message, "starting vm dev was cancelled");
    await daemon.assertRight();
  });

  test("a guest that ignores the order is powered off, and each step is said", async () => {
    await using world = new World();
    world.manners = { ignoresShutdown: true };
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const { guest } = world;
    const context = listening();
    await service.stop("dev", { timeout: 0.01 }, context);
    assert.deepEqual(guest.orders, ["sync", "ask", "now"]);
    assert.deepEqual(
      context.heard.filter(({ state }) => state === "note").map(({ message }) => message),
      ["dev does not shut down: the shutdown took longer than 0.01 s"],
    );
  });

  test("a guest whose init loses the order is asked again", async () => {
    await using world = new World();
    world.deadlines = { askAgain: 5 };
    world.manners = { ignoresShutdown: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const { guest } = world;
    const stopping = daemon.service.stop("dev", {}, quiet());
    await until(() => guest.orders.filter((order) => order === "ask").length > 1);
    Object.assign(guest.manners, { ignoresShutdown: false });
    assert.equal((await stopping).state, "stopped");
    assert.ok(!guest.orders.includes("now"));
  });

  test("a guest that refuses at first is asked again, one that always does is powered off", async () => {
    await using world = new World();
    world.deadlines = { askAgain: 5 };
    world.manners = { refusals: 2 };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    await daemon.service.stop("dev", {}, quiet());
    assert.deepEqual(world.guests[0]?.orders, ["sync", "ask", "ask", "ask"]);
    world.manners = { refusals: 1000 };
    await daemon.service.start("dev", quiet());
    const context = listening();
    await daemon.service.stop("dev", {}, context);
    assert.deepEqual(world.guests[1]?.orders, ["sync", "ask", "ask", "ask", "now"]);
    assert.equal(
      context.heard.find(({ state }) => state === "note")?.message,
      "dev does not shut down: the guest could not shut down: not now",
    );
  });

  test("a guest that restarts when it is asked to stop is asked again", async () => {
    await using world = new World();
    world.deadlines = { askAgain: 200 };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const { guest } = world;
    Object.assign(guest.manners, { ignoresShutdown: true });
    const context = listening();
    const stopping = daemon.service.stop("dev", {}, context);
    await until(() => guest.orders.includes("ask"));
    Object.assign(guest.manners, { ignoresShutdown: false });
    guest.reboot();
    assert.equal((await stopping).state, "stopped");
    assert.deepEqual(guest.orders, ["sync", "ask", "ask"]);
    assert.deepEqual(
      context.heard.filter(({ state }) => state === "note"),
      [],
    );
    await daemon.assertRight();
  });

  test("a timeout of zero syncs and powers off at once", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const { guest } = world;
    await service.stop("dev", { timeout: 0 }, quiet());
    assert.deepEqual(guest.orders, ["sync", "now"]);
  });

  test("a guest that hangs is ended all the same", async () => {
    await using world = new World();
    world.deadlines = { sync: 10, agent: 10, powerOff: 10 };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    Object.assign(world.guest.manners, { hangs: true });
    const context = listening();
    assert.equal((await daemon.service.stop("dev", { timeout: 0.01 }, context)).state, "stopped");
    assert.deepEqual(
      context.heard.filter(({ state }) => state === "note").map(({ message }) => message),
      [
        "dev did not write its data to its disk: sync took longer than 0.01 s",
        "dev does not shut down: the shutdown took longer than 0.01 s",
        "dev does not power off: the power-off took longer than 0.01 s",
        "ending the process of dev",
      ],
    );
    await daemon.assertRight();
  });

  test("a guest without an agent is ended all the same", async () => {
    await using world = new World();
    world.deadlines = { agent: 10, relink: 10 };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    Object.assign(world.guest.manners, { silent: true });
    world.guest.breakChannel();
    await until(() => world.logged.some((line) => line.startsWith("no channel")));
    const context = listening();
    assert.equal((await daemon.service.stop("dev", {}, context)).state, "stopped");
    assert.equal(context.heard.at(-2)?.message, "ending the process of dev");
  });

  test("a cancelled stop leaves the machine running", async () => {
    await using world = new World();
    world.manners = { ignoresShutdown: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const abort = new AbortController();
    const stopping = failure(daemon.service.stop("dev", {}, quiet(abort.signal)));
    await until(() => world.guest.orders.includes("ask"));
    assert.equal((await daemon.service.show("dev")).state, "stopping");
    abort.abort();
    assert.equal((await stopping).message, "stopping was cancelled");
    await daemon.assertRight();
    assert.equal((await daemon.service.show("dev")).state, "running");
  });

  test("a restart brings a new process and what was pending", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const before = await daemon.service.create({ name: "dev" }, quiet());
    await daemon.service.set("dev", { vcpu: 4, disk: 20 * gib });
    const after = await daemon.service.restart("dev", {}, quiet());
    assert.notEqual(after.pid, before.pid);
    assert.deepEqual(after.spec, { vcpu: 4, memory: 2 * gib, disk: 20 * gib, nat: false });
    assert.equal(after.pending, undefined);
    assert.equal(world.guest.spec.vcpu, 4);
    const disk = readFileSync(join(world.paths.vms, after.id, "disk.qcow2"), "utf8");
    assert.equal(JSON.parse(disk).size, 20 * gib);
    await daemon.assertRight();
  });

  test("a restart starts what did not run", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev", start: false }, quiet());
    assert.equal((await service.restart("dev", {}, quiet())).state, "running");
  });
});

describe("a machine that ends by itself", () => {
  test("is stopped, and says why", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    world.guest.powerOff();
    await until(async () => (await daemon.service.show("dev")).state === "stopped");
    assert.equal((await daemon.service.show("dev")).reason, "the guest powered off");
    await daemon.assertRight();
    await daemon.service.start("dev", quiet());
    world.guest.signal("SIGKILL");
    await until(async () => (await daemon.service.show("dev")).state === "stopped");
    assert.equal((await daemon.service.show("dev")).reason, "killed by SIGKILL");
  });

  test("is configured and booted again when the guest restarts itself", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const vm = await daemon.service.create({ name: "dev" }, quiet());
    const { guest } = world;
    guest.reboot();
    await until(() => guest.phase === "booted");
    assert.equal(guest.mounts.length, 2);
    assert.notDeepEqual(guest.mounts[0]?.entropy, guest.mounts[1]?.entropy);
    await daemon.assertUsable(vm);
    assert.equal((await daemon.service.show("dev")).pid, vm.pid);
    await daemon.assertRight();
  });

  test("is reached again when its channel breaks", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const vm = await daemon.service.create({ name: "dev" }, quiet());
    for (let i = 0; i < 3; i += 1) {
      world.guest.breakChannel();
      await new Promise(setImmediate);
      await daemon.assertUsable(vm);
    }
    assert.equal(world.guest.mounts.length, 1);
  });
});

describe("killing", () => {
  test("ends the process and notes it", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const vm = await daemon.service.kill("dev", {}, quiet());
    assert.deepEqual([vm.state, vm.reason, vm.pid], ["stopped", "killed by SIGKILL", undefined]);
    await daemon.assertRight();
  });

  test("with a signal that the process outlives leaves it running", async () => {
    await using world = new World();
    world.deadlines = { kill: 10 };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const { guest } = world;
    Object.defineProperty(guest, "signal", { value: () => true, configurable: true });
    assert.equal((await daemon.service.kill("dev", { signal: "SIGTERM" }, quiet())).state, "running");
    assert.equal((await daemon.service.kill("dev", { signal: "SIGUSR1" }, quiet())).state, "running");
    Reflect.deleteProperty(guest, "signal");
  });

  test("goes before a stop that hangs", async () => {
    await using world = new World();
    world.manners = { ignoresShutdown: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const stopping = daemon.service.stop("dev", { timeout: 3600 }, quiet());
    await until(() => world.guest.orders.includes("ask"));
    assert.equal((await daemon.service.kill("dev", {}, quiet())).state, "stopped");
    assert.equal((await stopping).state, "stopped");
    await daemon.assertRight();
  });

  test("ends a start that hangs", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev", start: false }, quiet());
    const starting = failure(daemon.service.start("dev", quiet()));
    await until(() => world.running.length === 1);
    assert.equal((await daemon.service.kill("dev", {}, quiet())).state, "created");
    assert.equal((await starting).code, "interrupted");
    await daemon.assertRight();
  });

  test("needs a machine that runs", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev", start: false }, quiet());
    const error = await failure(service.kill("dev", {}, quiet()));
    assert.equal(error.message, 'vm "dev" is created; to signal it it must be running');
  });
});

describe("deleting", () => {
  test("takes a running machine with it and says what it was", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    const context = listening();
    const vm = await daemon.service.remove("dev", context);
    assert.deepEqual([vm.name, vm.state], ["dev", "running"]);
    assert.deepEqual(
      context.heard.map(({ message }) => message),
      ["deleting dev", "deleting dev"],
    );
    await daemon.assertDeletable();
    assert.equal((await failure(daemon.service.show("dev"))).message, 'vm "dev" not found');
  });

  test("twice at once deletes it once, and both are content", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev" }, quiet());
    await Promise.all([daemon.service.remove("dev", quiet()), daemon.service.remove("dev", quiet())]);
    await daemon.assertDeletable();
  });

  test("ends a create that is under way", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    const creating = failure(daemon.service.create({ name: "dev" }, quiet()));
    await until(() => world.running.length === 1);
    await daemon.service.remove("dev", quiet());
    assert.equal((await creating).code, "interrupted");
    await daemon.assertDeletable();
  });

  test("pruning takes what does not run and leaves what does", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    for (const name of ["a", "b", "c"]) await daemon.service.create({ name }, quiet());
    await daemon.service.create({ name: "d", start: false }, quiet());
    await daemon.service.stop("a", {}, quiet());
    await daemon.service.kill("b", {}, quiet());
    const used = (await daemon.service.list())
      .filter((vm) => vm.name !== "c")
      .reduce((sum, vm) => sum + (vm.diskUsed ?? 0), 0);
    const result = await daemon.service.prune(quiet());
    assert.deepEqual(result.deleted.sort(), ["a", "b", "d"]);
    assert.equal(result.freed, used);
    assert.deepEqual(
      (await daemon.service.list()).map((vm) => vm.name),
      ["c"],
    );
    await daemon.assertRight();
  });

  test("pruning leaves alone what is just being made", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    const abort = new AbortController();
    const creating = failure(daemon.service.create({ name: "dev" }, quiet(abort.signal)));
    await until(() => world.running.length === 1);
    assert.deepEqual(await daemon.service.prune(quiet()), { deleted: [], freed: 0 });
    abort.abort();
    await creating;
  });
});

describe("changing the size", () => {
  test("of a stopped machine is done at once, and its disk grows at the next start", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    await service.stop("dev", {}, quiet());
    const vm = await service.set("dev", { vcpu: 3, memory: gib, disk: 9 * gib, nat: true });
    assert.deepEqual(vm.spec, { vcpu: 3, memory: gib, disk: 9 * gib, nat: true });
    assert.equal(vm.pending, undefined);
    await service.start("dev", quiet());
    const { spec, files } = world.guest;
    assert.deepEqual([spec.vcpu, spec.memory, spec.nic?.kind], [3, gib, "user"]);
    assert.equal(files.get("/etc/resolv.conf")?.content, "nameserver 10.0.2.3\n");
    assert.equal(files.get("/etc/resolv.conf")?.onlyIfMissing, undefined);
  });

  test("of a running machine waits, adds up, and can be taken back", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    assert.deepEqual((await service.set("dev", { vcpu: 3 })).pending, { vcpu: 3 });
    assert.deepEqual((await service.set("dev", { disk: 9 * gib })).pending, { vcpu: 3, disk: 9 * gib });
    const vm = await service.set("dev", { vcpu: 2, disk: 9 * gib });
    assert.deepEqual([vm.pending, vm.spec.vcpu], [{ disk: 9 * gib }, 2]);
    await service.stop("dev", {}, quiet());
    const started = await service.start("dev", quiet());
    assert.deepEqual([started.pending, started.spec.disk], [undefined, 9 * gib]);
  });

  test("refuses what cannot be and changes nothing", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const before = await service.create({ name: "dev", start: false }, quiet());
    const cases = [
      [{ vcpu: 9 }, "a machine with 9 processors does not fit this host, which has 8"],
      [{ vcpu: 0 }, "a machine cannot have 0 processors"],
      [{ memory: mib }, "1 MiB of memory is not enough: a machine needs 128 MiB"],
      [{ disk: 17 * 1024 * gib }, "a disk of 17 TiB is larger than ext4's 16 TiB"],
      [{ disk: 7 * gib }, 'the disk of vm "dev" is 8 GiB and cannot shrink to 7 GiB'],
    ] as const;
    for (const [request, message] of cases) {
      assert.equal((await failure(service.set("dev", request))).message, message);
    }
    assert.deepEqual(await service.show("dev"), before);
  });
});

describe("commands", () => {
  test("arrive as they were given", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const bytes = (text: string) => Buffer.from(text, "latin1").toString("base64");
    await service.exec(
      "dev",
      {
        args: [bytes("printf"), bytes(""), bytes("a\nb \xff")],
        env: [bytes("A=1")],
        user: "1000",
        cwd: "/srv",
        tty: { rows: 2, columns: 3 },
      },
      quiet().signal,
    );
    const [command] = world.guest.commands;
    assert.deepEqual(command?.spec, {
      args: [Buffer.from("printf"), Buffer.from(""), Buffer.from("a\nb \xff", "latin1")],
      env: [Buffer.from("A=1")],
      user: "1000",
      cwd: "/srv",
      tty: { rows: 2, columns: 3 },
    });
  });

  test("run as the image says, where the request says nothing else", async () => {
    await using world = new World();
    world.imageConfig = {
      env: ["A=1", "B=2"],
      user: "bob",
      workdir: "/work",
      entrypoint: ["/entry", "-x"],
      cmd: ["never"],
    };
    const first = await world.daemon();
    await first.service.create({ name: "dev" }, quiet());
    const words = (...texts: string[]) => texts.map((text) => Buffer.from(text));
    const encoded = (text: string) => Buffer.from(text).toString("base64");
    await first.service.exec("dev", { args: [encoded("id")] }, quiet().signal);
    await first.service.exec("dev", { args: [encoded("id")], entrypoint: true }, quiet().signal);
    await first.service.exec(
      "dev",
      { entrypoint: true, user: "0", cwd: "/", env: [encoded("A=3")] },
      quiet().signal,
    );
    const env = words("A=1", "B=2");
    assert.deepEqual(
      world.guest.commands.map(({ spec }) => spec),
      [
        { args: words("id"), env, user: "bob", cwd: "/work" },
        { args: words("/entry", "-x", "id"), env, user: "bob", cwd: "/work" },
        { args: [], env: [...env, ...words("A=3")], user: "0", cwd: "/" },
      ],
    );
  });

  test("wait for a machine that is starting", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev", start: false }, quiet());
    const starting = daemon.service.start("dev", quiet());
    await until(async () => (await daemon.service.show("dev")).state !== "created");
    const process = await daemon.service.exec("dev", shell, quiet().signal);
    assert.equal(process.pid, 1);
    await starting;
  });

  test("wait no longer than they were told to", async () => {
    await using world = new World();
    world.manners = { hangs: true };
    const daemon = await world.daemon();
    await daemon.service.create({ name: "dev", start: false }, quiet());
    const abort = new AbortController();
    const starting = failure(daemon.service.start("dev", quiet(abort.signal)));
    await until(async () => (await daemon.service.show("dev")).state === "starting");
    const error = await failure(daemon.service.exec("dev", { wait: 0 }, quiet().signal));
    assert.equal(error.message, 'the agent in vm "dev" does not answer: it is still starting');
    abort.abort();
    await starting;
  });

  test("need a machine that runs", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev", start: false }, quiet());
    const error = await failure(service.exec("dev", shell, quiet().signal));
    assert.equal(error.message, 'vm "dev" is created; to run a command it must be running');
  });

  test("say which version an agent speaks that this one does not", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    Object.assign(world.guest.manners, { foreign: true });
    world.guest.breakChannel();
    await until(() => world.logged.some((line) => line.startsWith("no channel")));
    const error = await failure(service.exec("dev", shell, quiet().signal));
    assert.equal(error.code, "guest_version");
  });

  test("end with the channel when the machine does", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const process = await service.exec("dev", shell, quiet().signal);
    await service.kill("dev", {}, quiet());
    await assert.rejects(process.exited, { code: "channel_closed" });
  });
});

describe("an ephemeral machine", () => {
  test("goes with the end of its first session", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const vm = await daemon.service.create({ ephemeral: true }, quiet());
    assert.equal(vm.ephemeral, true);
    await daemon.service.exec(vm.id, shell, quiet().signal);
    await daemon.service.exec(vm.id, shell, quiet().signal);
    const [first, second] = world.guest.commands;
    second?.exit(0);
    await daemon.assertUsable(vm);
    assert.equal((await daemon.service.list()).length, 1);
    first?.exit(3);
    await until(() => world.machineDirectories.length === 0);
    await daemon.assertDeletable();
  });

  test("goes when the client of its first session vanishes, or the command cannot be run", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const vm = await daemon.service.create({ ephemeral: true }, quiet());
    (await daemon.service.exec(vm.id, shell, quiet().signal)).reset();
    await until(() => world.machineDirectories.length === 0);
    const next = await daemon.service.create({ ephemeral: true }, quiet());
    world.guest.phase = "mounted";
    assert.equal((await failure(daemon.service.exec(next.id, shell, quiet().signal))).code, "guest_refused");
    await until(() => world.machineDirectories.length === 0);
    await daemon.assertDeletable();
  });

  test("does not go because of a command that found it not running", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev", ephemeral: true, start: false }, quiet());
    assert.equal((await failure(service.exec("dev", shell, quiet().signal))).code, "vm_wrong_state");
    await new Promise(setImmediate);
    assert.equal((await service.show("dev")).state, "created");
  });

  test("can be waited for by deleting it", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const vm = await daemon.service.create({ ephemeral: true }, quiet());
    await daemon.service.exec(vm.id, shell, quiet().signal);
    world.guest.commands[0]?.exit(0);
    await daemon.service.remove(vm.id, quiet());
    await daemon.assertDeletable();
  });

  test("goes when it stops, however that comes", async () => {
    await using world = new World();
    const daemon = await world.daemon();
    const { service } = daemon;
    const a = await service.create({ ephemeral: true }, quiet());
    assert.equal((await service.stop(a.id, {}, quiet())).state, "stopped");
    assert.deepEqual(await service.list(), []);
    const b = await service.create({ ephemeral: true }, quiet());
    assert.equal((await service.kill(b.id, {}, quiet())).state, "stopped");
    assert.deepEqual(await service.list(), []);
    await service.create({ ephemeral: true }, quiet());
    world.guest.powerOff();
    await until(() => world.machineDirectories.length === 0);
    await daemon.assertDeletable();
  });

  test("goes when nobody comes", async () => {
    await using world = new World();
    world.deadlines = { firstSession: 10 };
    const daemon = await world.daemon();
    await daemon.service.create({ ephemeral: true }, quiet());
    await until(() => world.machineDirectories.length === 0);
    await daemon.assertDeletable();
  });

  test("stays while its session lasts, however long that is", async () => {
    await using world = new World();
    world.deadlines = { firstSession: 10 };
    const daemon = await world.daemon();
    const creating = daemon.service.create({ name: "dev", ephemeral: true }, quiet());
    await until(async () => (await daemon.service.list()).length === 1);
    await daemon.service.exec("dev", shell, quiet().signal);
    const vm = await creating;
    await new Promise((resolve) => setTimeout(resolve, 30));
    await daemon.assertUsable(vm);
  });
});

describe("references", () => {
  test("are names, ids and beginnings of ids", async () => {
    await using world = new World();
    const { service, database } = await world.daemon();
    for (const name of ["dev", "test"]) await service.create({ name, start: false }, quiet());
    database.run("UPDATE vms SET id = 'abc123456789' WHERE name = 'dev'");
    database.run("UPDATE vms SET id = 'abcdef456789' WHERE name = 'test'");
    for (const ref of ["dev", "abc123456789", "abc1"]) assert.equal((await service.show(ref)).name, "dev");
    assert.equal((await service.show("abcd")).name, "test");
    const ambiguous = await failure(service.show("abc"));
    assert.equal(ambiguous.message, 'vm "abc" could be any of dev and test');
    for (const ref of ["ab", "", "abc1234567890", "DEV"]) {
      assert.equal((await failure(service.show(ref))).message, `vm ${JSON.stringify(ref)} not found`);
    }
  });

  test("prefer a name to the beginning of an id", async () => {
    await using world = new World();
    const { service, database } = await world.daemon();
    for (const name of ["abc", "test"]) await service.create({ name, start: false }, quiet());
    database.run("UPDATE vms SET id = 'abcdef456789' WHERE name = 'test'");
    assert.equal((await service.show("abc")).name, "abc");
  });
});
