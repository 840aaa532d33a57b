import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Usage } from "../../src/cli/output/usage.ts";
import { sleep } from "../../src/lib/deadline.ts";
import { QmpClient } from "../../src/vmm/qemu/qmp/client.ts";
import { slim, TestHost } from "./support/host.ts";

const mib = 2 ** 20;

describe("knowing what a machine does", () => {
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    await host.ok(["vm", "create", "--name", "dev", "--image", slim, "--memory", "512M", "--nat"]);
  });
  after(async () => await host[Symbol.asyncDispose]());

  test("its memory, disk and processor are what they are", async () => {
    const [usage] = await host.json<Usage[]>(["vm", "stats", "dev"]);
    assert.ok(usage?.guest && usage.host?.memory && usage.disk && usage.channel);
    const { memory, cpu, network, root } = usage.guest;
    assert.ok(memory && memory.total > 400 * mib && memory.total <= 512 * mib, `${memory?.total}`);
    assert.ok(memory.used > 10 * mib && memory.used < memory.total);
    assert.ok(cpu && cpu.count === 1 && cpu.busy <= cpu.total);
    assert.ok(root && root.total > 6 * 2 ** 30 && root.used < root.total);
    assert.ok(network && network.received >= 0, "it has a card");
    assert.ok(usage.host.memory.private > 50 * mib && usage.host.memory.private < 1024 * mib);
    assert.ok(usage.host.memory.proportional >= usage.host.memory.private);
    assert.ok(usage.disk.allocated > 0 && usage.disk.allocated < usage.disk.size);
    assert.ok(usage.rates.hostCpu !== undefined && usage.rates.guestCpu !== undefined);
  });

  test("what goes through the channel is counted, and a busy guest is seen to be busy", async () => {
    const [quiet] = await host.json<Usage[]>(["vm", "stats", "dev"]);
    await host.guest("dev", "head -c 3000000 /dev/zero");
    await host.guest("dev", "sh -c 'while :; do :; done' >/dev/null 2>&1 & echo $! > /run/busy");
    const [busy] = await host.json<Usage[]>(["vm", "stats", "dev"]);
    await host.guest("dev", "kill $(cat /run/busy)");
    assert.ok((busy?.channel?.sent ?? 0) - (quiet?.channel?.sent ?? 0) > 3_000_000);
    assert.ok((busy?.rates.guestCpu ?? 0) > 0.5, `${busy?.rates.guestCpu}`);
  });

  test("top is one table when nobody watches", async () => {
    assert.match(await host.ok(["vm", "top"]), /^NAME.*\ndev +running +[0-9.]+ % +[0-9.]+ % /);
  });

  test("its clock is right again after a pause that nobody told of", async () => {
    await host.ok(["daemon", "stop"]);
    const monitor = await QmpClient.connect(monitorOf(host), { timeout: 10_000 });
    await monitor.execute("stop");
    await sleep(3000);
    await monitor.execute("cont");
    monitor.close();
    assert.ok((await skew(host)) < 1, "behind by less than a second");
    const log = await host.ok(["daemon", "logs"]);
    assert.match(log, /set the guest's clock/);
  });

  test("it is waited for: its services, a port, and no longer than was said", async () => {
    await host.ok(["vm", "wait", "dev", "--for", "system", "--for", "port:22", "--timeout", "4m"]);
    assert.equal(await host.guest("dev", "systemctl is-system-running"), "running");
    const late = await host.run([
      "vm",
      "wait",
      "dev",
      "--for",
      "agent",
      "--for",
      "port:4711",
      "--timeout",
      "1s",
    ]);
    assert.equal(late.status, 124);
    assert.match(late.err, /vm "dev" did not get there within 1 s: still waiting for port:4711/);
  });

  test("what it said is there, by source, age and number", async () => {
    const agent = await host.ok(["vm", "logs", "--agent", "dev"]);
    assert.match(agent, /^20\S+Z daemon: the agent is ready$/m);
    const before = new Date(Date.now() + 1000).toISOString();
    await sleep(2500);
    await host.guest("dev", "echo said just now > /dev/console");
    await sleep(2500);
    const since = await host.ok(["vm", "logs", "--since", before, "dev"]);
    assert.match(since, /said just now/);
    assert.doesNotMatch(since, /Linux version/);
    assert.match(await host.ok(["vm", "logs", "--all", "-n", "1", "dev"]), /^20\S+Z console said just now$/);
    assert.match(await host.ok(["vm", "logs", "dev"]), /said just now/);
  });

  test("its end is waited for", async () => {
    const waiting = host.run(["vm", "wait", "dev", "--for", "exit", "--timeout", "2m"]);
    await host.run(["vm", "exec", "dev", "--", "systemctl", "poweroff"]);
    const { status, out, err } = await waiting;
    assert.equal(status, 0, err);
    assert.equal(out, "dev\n");
    assert.equal((await host.vm("dev")).state, "stopped");
  });
});

/** Seconds, whichever way. What it takes to ask is not counted against the guest. */
async function skew(host: TestHost): Promise<number> {
  const before = Date.now() / 1000;
  const guest = Number(await host.guest("dev", "date +%s.%N"));
  const after = Date.now() / 1000;
  return Math.max(0, before - guest, guest - after);
}

/** The one control socket below the host's runtime directory. */
function monitorOf({ home }: TestHost): string {
  const found = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("monitor.sock"),
  );
  const [path = "", ...others] = found;
  assert.equal(others.length, 0);
  return join(home, path);
}
