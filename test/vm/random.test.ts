import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFault } from "../../src/lib/errors/error.ts";
import type { VmService } from "../../src/vm/service.ts";
import type { Manners } from "./world/guest.ts";
import { type Daemon, gib, quiet, until, World } from "./world/world.ts";

const names = ["a", "b", "c"];
const name = fc.constantFrom(...names);

type Doing =
  | { do: "create"; name: string; start: boolean; ephemeral: boolean }
  | { do: "start" | "stop" | "restart" | "kill" | "remove" | "exec"; name: string }
  | { do: "prune" }
  | { do: "set"; name: string; vcpu: number; disk: number };

/** What happens from outside, at once. */
type Event =
  | { event: "powerOff" | "reboot" | "breakChannel" | "crash"; which: number }
  | { event: "manners"; manners: Manners }
  | { event: "newDaemon" };

const doing: fc.Arbitrary<Doing> = fc.oneof(
  fc.record({ do: fc.constant("create" as const), name, start: fc.boolean(), ephemeral: fc.boolean() }),
  fc.record({
    do: fc.constantFrom(...(["start", "stop", "restart", "kill", "remove", "exec"] as const)),
    name,
  }),
  fc.record({ do: fc.constant("prune" as const) }),
  fc.record({
    do: fc.constant("set" as const),
    name,
    vcpu: fc.integer({ min: 1, max: 8 }),
    disk: fc.integer({ min: 8, max: 12 }),
  }),
);

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    event: fc.constantFrom(...(["powerOff", "reboot", "breakChannel", "crash"] as const)),
    which: fc.nat(3),
  }),
  fc.record({
    event: fc.constant("manners" as const),
    manners: fc.constantFrom<Manners>(
      {},
      {},
      { ignoresShutdown: true },
      { hangs: true, patience: 50 },
      { diesAtOnce: true },
    ),
  }),
  fc.record({ event: fc.constant("newDaemon" as const) }),
);

/** Some wait for their end, some are cancelled after a few turns of the event loop, some go on beside what follows. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ work: doing, wait: fc.boolean(), cancelAfter: fc.option(fc.nat(30)) }),
  },
  { weight: 2, arbitrary: event },
);

const allowed = [
  "vm_not_found",
  "vm_name_taken",
  "vm_wrong_state",
  "vm_failed",
  "vm_disk_shrink",
  "guest_unreachable",
  "guest_refused",
  "channel_closed",
  "interrupted",
  "timed_out",
] as const;

test("whatever is asked for and happens, in whatever order, the list stays right and all can be deleted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      await using world = new World();
      world.deadlines = {
        hello: 40,
        relink: 40,
        agent: 20,
        sync: 20,
        powerOff: 20,
        kill: 200,
        firstSession: 60,
      };
      let daemon = await world.daemon();
      let going: Promise<void>[] = [];
      for (const one of steps) {
        if (!("work" in one)) {
          if (one.event === "newDaemon") {
            daemon = await replace(world, daemon);
            going = [];
          } else happen(world, one);
          continue;
        }
        const abort = new AbortController();
        const running = tolerate(daemon, act(daemon.service, one.work, abort.signal));
        if (one.cancelAfter !== null) await cancelLater(abort, one.cancelAfter);
        if (one.wait) await running;
        else going.push(running);
      }
      world.manners = {};
      for (const guest of world.guests) Object.assign(guest.manners, { hangs: false });
      await Promise.all(going);
      await settle(daemon, world);
      await daemon.assertDeletable();
      await daemon.service.close();
    }),
    { numRuns: 40 },
  );
});

async function act(service: VmService, work: Doing, signal: AbortSignal): Promise<unknown> {
  const context = quiet(signal);
  switch (work.do) {
    case "create":
      return await service.create({ name: work.name, start: work.start, ephemeral: work.ephemeral }, context);
    case "start":
      return await service.start(work.name, context);
    case "stop":
      return await service.stop(work.name, { timeout: 0.02 }, context);
    case "restart":
      return await service.restart(work.name, { timeout: 0.02 }, context);
    case "kill":
      return await service.kill(work.name, {}, context);
    case "remove":
      return await service.remove(work.name, context);
    case "prune":
      return await service.prune(context);
    case "set":
      return await service.set(work.name, { vcpu: work.vcpu, disk: work.disk * gib });
    case "exec":
      return (await service.exec(work.name, { wait: 1 }, signal)).reset();
  }
}

async function tolerate(daemon: Daemon, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    // What a killed daemon still says nobody hears.
    if (!daemon.crash.over && !isFault(error, ...allowed)) throw error;
  }
}

async function cancelLater(abort: AbortController, turns: number): Promise<void> {
  for (let i = 0; i < turns; i += 1) await new Promise(setImmediate);
  abort.abort();
}

function happen(world: World, one: Exclude<Event, { event: "newDaemon" }>): void {
  if (one.event === "manners") {
    world.manners = { ...one.manners };
    return;
  }
  const { running } = world;
  const guest = running[one.which % Math.max(1, running.length)];
  if (one.event === "crash") guest?.signal("SIGKILL");
  else guest?.[one.event]();
}

/** As kill -9 and the next command do. */
async function replace(world: World, daemon: Daemon): Promise<Daemon> {
  daemon.kill();
  const next = await world.daemon();
  await next.service.reconcile();
  return next;
}

/** Waits until what goes on by itself has come to rest: ends that are noted, ephemeral machines that go. */
async function settle(daemon: Daemon, world: World): Promise<void> {
  let last: unknown;
  await until(async () => {
    try {
      const vms = await daemon.service.list();
      assert.ok(!vms.some((vm) => vm.ephemeral && vm.state === "running"), "ephemeral machines go");
      await daemon.assertRight();
      return true;
    } catch (error) {
      if (!(error instanceof assert.AssertionError) && !isFault(error, ...allowed)) throw error;
      last = error;
      return false;
    }
  }).catch((error: unknown) => {
    throw new AggregateError([last, error], `never at rest; logged: ${world.logged.join("; ")}`);
  });
}
