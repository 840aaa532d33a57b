import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { VmService } from "../../src/vm/service.ts";
import { type Daemon, gib, quiet, until, World } from "./world/world.ts";

interface Scenario {
  title: string;
  /** What was there before, undisturbed. */
  before?: (service: VmService, world: World) => Promise<unknown>;
  /** What is cut off. */
  work: (service: VmService, world: World) => Promise<unknown>;
  /** What must be true besides, after the next daemon has reconciled. */
  after?: (daemon: Daemon, world: World) => Promise<void>;
  /** Fewest places at which it can be cut off; guards the test against testing nothing. */
  steps: number;
}

const ran = async (service: VmService, world: World): Promise<void> => {
  await service.create({ name: "dev" }, world.quiet);
  await service.stop("dev", {}, world.quiet);
};

/** A machine that existed before is never lost, nor is its disk. */
const kept = async (daemon: Daemon, world: World): Promise<void> => {
  const [vm] = await daemon.service.list();
  assert.equal(vm?.name, "dev");
  if (vm.state !== "running") await daemon.service.start("dev", world.quiet);
  assert.equal((await daemon.service.show("dev")).state, "running");
};

const scenarios: Scenario[] = [
  {
    title: "a create",
    work: (service, world) => service.create({ name: "dev" }, world.quiet),
    after: async (daemon, world) => {
      // Whatever is left can be started, or its name be used again.
      const [vm] = await daemon.service.list();
      if (vm) await daemon.service.start(vm.id, world.quiet);
      else await daemon.service.create({ name: "dev" }, world.quiet);
    },
    steps: 20,
  },
  {
    title: "a create without a start",
    work: (service, world) => service.create({ name: "dev", start: false }, world.quiet),
    steps: 3,
  },
  {
    title: "a create that fails",
    work: (service, world) => {
      world.manners = { refusesMount: true };
      return service.create({ name: "dev" }, world.quiet).catch(() => undefined);
    },
    after: async (_, world) => {
      world.manners = {};
    },
    steps: 20,
  },
  {
    title: "a create that is cancelled",
    work: async (service, world) => {
      world.manners = { hangs: true };
      const abort = new AbortController();
      const creating = service
        .create({ name: "dev" }, quiet(AbortSignal.any([world.quiet.signal, abort.signal])))
        .catch(() => undefined);
      await until(() => world.running.length === 1, world.quiet);
      abort.abort();
      await creating;
    },
    steps: 16,
  },
  {
    title: "the first start",
    before: (service, world) => service.create({ name: "dev", start: false }, world.quiet),
    work: (service, world) => service.start("dev", world.quiet),
    after: kept,
    steps: 20,
  },
  {
    title: "a later start",
    before: ran,
    work: (service, world) => service.start("dev", world.quiet),
    after: kept,
    steps: 17,
  },
  {
    title: "a start with a grown disk",
    before: async (service, world) => {
      await ran(service, world);
      await service.set("dev", { disk: 20 * gib });
    },
    work: (service, world) => service.start("dev", world.quiet),
    after: async (daemon, world) => {
      await kept(daemon, world);
      assert.equal((await daemon.service.show("dev")).spec.disk, 20 * gib);
    },
    steps: 19,
  },
  {
    title: "a stop",
    before: (service, world) => service.create({ name: "dev" }, world.quiet),
    work: (service, world) => service.stop("dev", {}, world.quiet),
    after: kept,
    steps: 6,
  },
  {
    title: "a stop of a guest that does not obey",
    before: (service, world) => {
      world.manners = { ignoresShutdown: true };
      return service.create({ name: "dev" }, world.quiet);
    },
    work: (service, world) => service.stop("dev", { timeout: 0.001 }, world.quiet),
    after: kept,
    steps: 7,
  },
  {
    title: "a restart",
    before: async (service, world) => {
      await service.create({ name: "dev" }, world.quiet);
      await service.set("dev", { vcpu: 3, disk: 20 * gib });
    },
    work: (service, world) => service.restart("dev", {}, world.quiet),
    after: kept,
    steps: 25,
  },
  {
    title: "a kill",
    before: (service, world) => service.create({ name: "dev" }, world.quiet),
    work: (service, world) => service.kill("dev", {}, world.quiet),
    after: kept,
    steps: 4,
  },
  {
    title: "a deletion",
    before: (service, world) => service.create({ name: "dev" }, world.quiet),
    work: (service, world) => service.remove("dev", world.quiet),
    steps: 7,
  },
  {
    title: "a deletion of what does not run",
    before: ran,
    work: (service, world) => service.remove("dev", world.quiet),
    steps: 3,
  },
  {
    title: "a change of size",
    before: ran,
    work: (service) => service.set("dev", { vcpu: 3 }),
    after: kept,
    steps: 1,
  },
  {
    title: "an ephemeral machine's life",
    work: async (service, world) => {
      const vm = await service.create({ ephemeral: true }, world.quiet);
      await service.exec(vm.id, {}, world.quiet.signal);
      world.guest.commands[0]?.exit(0);
      await until(() => world.machineDirectories.length === 0, world.quiet);
    },
    after: async (daemon) => assert.deepEqual(await daemon.service.list(), []),
    steps: 29,
  },
  {
    title: "a guest's restart",
    before: (service, world) => service.create({ name: "dev" }, world.quiet),
    work: async (service, world) => {
      world.guest.reboot();
      await until(() => world.guest.phase === "booted", world.quiet);
      await service.exec("dev", {}, world.quiet.signal);
    },
    after: kept,
    steps: 11,
  },
  {
    title: "a commit",
    before: ran,
    work: (service, world) => {
      world.manners = { runs: (command) => command.exit(0) };
      return service.commit("dev", { name: "mine" }, world.quiet);
    },
    after: async (daemon, world) => {
      const made = await daemon.images.list();
      assert.ok(made.every(({ name, problem }) => name === "mine" && problem === undefined));
      if (made.length === 0) await daemon.service.commit("dev", { name: "mine" }, world.quiet);
      await kept(daemon, world);
    },
    steps: 14,
  },
  {
    title: "a build",
    work: (service, world) => {
      world.manners = { runs: (command) => command.exit(0) };
      const steps = [{ kind: "command", command: "true" } as const];
      return service.buildImage({ name: "made", from: "other", steps }, world.quiet);
    },
    after: async (daemon, world) => {
      assert.deepEqual(await daemon.service.list(), []);
      const made = await daemon.images.list();
      assert.ok(made.every(({ name, problem }) => name === "made" && problem === undefined));
      if (made.length > 0) return;
      await daemon.service.buildImage({ name: "made", from: "other", steps: [] }, world.quiet);
    },
    steps: 40,
  },
  {
    title: "a reconciliation",
    before: async (service, world) => {
      await service.create({ name: "dev" }, world.quiet);
      await service.create({ name: "gone", ephemeral: true }, world.quiet);
      await service.create({ name: "idle", start: false }, world.quiet);
    },
    work: (service) => service.reconcile(),
    steps: 13,
  },
];

describe("a daemon that is killed at any step of", () => {
  for (const scenario of scenarios) {
    test(`${scenario.title} is followed by one that puts things right`, async () => {
      let steps = 0;
      for (let at = 1; steps === 0; at += 1) {
        await using world = new World();
        const finished = await killedAt(world, scenario, at);
        if (finished) steps = at - 1;
        const next = await world.daemon();
        await next.begin();
        await next.assertRight();
        await scenario.after?.(next, world);
        await next.assertRight();
        await next.assertDeletable();
        await next.service.close();
      }
      assert.ok(steps >= scenario.steps, `only ${steps} steps`);
    });
  }
});

/** True when the work came to its end before that many steps. */
async function killedAt(world: World, scenario: Scenario, at: number): Promise<boolean> {
  const daemon = await world.daemon();
  await scenario.before?.(daemon.service, world);
  daemon.crash.arm(at);
  const working = scenario.work(daemon.service, world).then(
    () => true,
    (error: unknown) => {
      if (daemon.crash.over) return false;
      throw error;
    },
  );
  const finished = await Promise.race([working, daemon.crash.crashed.promise.then(() => false)]);
  daemon.kill();
  return finished;
}
