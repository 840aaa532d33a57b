import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { vmStatsSchema } from "../../src/model/stats.ts";
import { failure, gib, mib, quiet, World } from "./world/world.ts";

const { signal } = quiet();

describe("what a machine takes", () => {
  test("is what its process, its guest, its disk and its channel say", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    const vm = await service.create({ name: "dev", vcpu: 2 }, quiet());
    world.guest.metrics = {
      uptime: 60_000,
      cpu: { busy: 500, total: 120_000, count: 2 },
      memory: { total: 1 * gib, available: 768 * mib },
      load: 0.25,
      root: { total: 8 * gib, free: 7 * gib },
      network: { received: 5, sent: 6 },
    };
    const stats = await service.stats("dev", signal);
    assert.deepEqual(vmStatsSchema.parse(stats), stats, "as the contract says");
    assert.deepEqual([stats.id, stats.name, stats.state, stats.vcpu], [vm.id, "dev", "running", 2]);
    assert.ok(stats.host && stats.host.cpu >= 0 && stats.host.memory && stats.host.memory.proportional > 0);
    assert.deepEqual(stats.guest, {
      uptime: 60_000,
      cpu: { busy: 500, total: 120_000, count: 2 },
      memory: { total: 1 * gib, used: 256 * mib },
      load: 0.25,
      root: { total: 8 * gib, used: 1 * gib },
      network: { received: 5, sent: 6 },
    });
    assert.equal(stats.disk?.size, 8 * gib);
    assert.ok(stats.disk?.allocated);
    assert.deepEqual(stats.channel, { received: 1000, sent: 100 });
    const later = await service.stats("dev", signal);
    assert.ok(later.at > stats.at);
  });

  test("of one that does not run is its disk", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    await service.create({ name: "never", start: false }, quiet());
    await service.stop("dev", {}, quiet());
    const all = await service.allStats(signal);
    assert.deepEqual(
      all.map((stats) => Object.keys(stats).sort().join(" ")),
      ["at disk id name state vcpu", "at id name state vcpu"],
    );
    assert.equal((await failure(service.stats("ghost", signal))).code, "vm_not_found");
  });

  test("is told without a guest that does not answer, and the channel's past is kept", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    world.guest.manners.silent = true;
    world.guest.breakChannel();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const stats = await service.stats("dev", signal);
    assert.equal(stats.guest, undefined);
    assert.ok(stats.host);
    assert.deepEqual(stats.channel, { received: 1000, sent: 100 });
  });
});
