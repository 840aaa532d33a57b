import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import type { VmStats } from "../../../src/model/stats.ts";
import { sampleStats, sampleVm } from "../../support/fake-services.ts";
import { type FakeWorld, servedWorld } from "../world.ts";

const idle: VmStats = { id: "ffff56789abc", name: "web", state: "stopped", at: 1_000_000, vcpu: 1 };

/** Each look comes a second later and finds it half as busy as it can be. */
function looks(): () => VmStats[] {
  let seconds = 0;
  return () => {
    seconds += 1;
    const { at, host } = sampleStats;
    const cpu = (host?.cpu ?? 0) + seconds * 500;
    return [idle, { ...sampleStats, at: at + seconds * 1000, host: { ...host, cpu } }];
  };
}

describe("vm stats", () => {
  test("prints a line for each machine that runs", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.allStats", looks());
    assert.equal(await world.run("vm", "stats"), 0);
    const [titles, ...lines] = world.stdout.text.trimEnd().split("\n");
    assert.match(titles ?? "", /^NAME {2}STATE {4}HOST CPU/);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^dev +running +50\.0 % +- +256 MiB \/ 1 GiB +200 MiB +30 MiB +1 MiB/);
  });

  test("prints those that were named, running or not, with all numbers as JSON", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.allStats", looks());
    services.on("vms.show", () => ({ ...sampleVm, id: idle.id }));
    assert.equal(await world.run("vm", "stats", "--json", "web"), 0);
    assert.deepEqual(JSON.parse(world.stdout.text), [{ ...idle, rates: {} }]);
  });

  test("goes on with --watch until it is interrupted, a line of JSON each time", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.allStats", looks());
    const running = world.run("vm", "stats", "--watch", "--json");
    await shown(world, "\n");
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    const lines = world.stdout.text.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { name: string }[]).map(({ name }) => name)),
      [["dev"]],
    );
  });

  test("says what is wrong before it looks", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.show", () => {
      throw fault("vm_not_found", { ref: "ghost" });
    });
    assert.equal(await world.run("vm", "stats", "ghost"), 1);
    assert.match(world.stderr.text, /vm "ghost" not found/);
    assert.equal(await world.run("vm", "top", "--interval", "0"), 2);
    assert.match(world.stderr.text, /--interval is "0", expected seconds from 1 to 3600/);
  });
});

describe("vm top", () => {
  test("is one table when nobody watches", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.allStats", looks());
    assert.equal(await world.run("vm", "top"), 0);
    const names = world.stdout.text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    assert.deepEqual(names, ["NAME", "dev", "web"]);
    assert.ok(!world.stdout.text.includes("\x1b"));
  });

  test("fills a terminal, sorts by key, follows its size, and leaves it as it was", async (context) => {
    const { world, services } = await servedWorld(context, {
      terminal: { columns: 100, rows: 12 },
      env: { NO_COLOR: "1" },
    });
    services.on("vms.allStats", looks());
    const running = world.run("vm", "top");
    await shown(world, "50.0 %");
    const first = lastPicture(world);
    assert.equal(first[0], "2 machines, 1 running · 50 % of a processor · 210 MiB memory of the host");
    assert.match(first[1] ?? "", /^sorted by cpu/);
    assert.deepEqual(
      first.slice(4).map((line) => line.split(" ")[0]),
      ["dev", "web"],
    );
    world.stdin.write("n");
    await shown(world, "sorted by name");
    world.stdin.write("\x1b[C");
    Object.assign(world.stdout, { columns: 40 });
    world.stdout.emit("resize");
    assert.ok(lastPicture(world).every((line) => line.length <= 40));
    world.stdin.write("q");
    assert.equal(await running, 0);
    assert.deepEqual(world.stdin.modes, [true, false]);
    assert.ok(world.stdout.text.startsWith("\x1b[?1049h\x1b[?25l"));
    assert.ok(world.stdout.text.endsWith("\x1b[?25h\x1b[?1049l"));
  });

  test("is left with Ctrl-C, and with a signal", async (context) => {
    for (const leave of [
      (world: FakeWorld) => world.stdin.write("\u0003"),
      (world: FakeWorld) => world.process.send("SIGTERM"),
    ]) {
      const { world, services } = await servedWorld(context, { terminal: { columns: 100, rows: 12 } });
      services.on("vms.allStats", looks());
      const running = world.run("vm", "top");
      await shown(world, "looking");
      leave(world);
      assert.equal(await running, 0);
      assert.ok(world.stdout.text.endsWith("\x1b[?1049l"));
    }
  });
});

describe("vm wait", () => {
  test("waits for everything that is named, for the agent when nothing is", async (context) => {
    for (const [words, request] of [
      [["dev"], { for: ["agent"] }],
      [
        ["--for", "system", "--for=port:8080", "-t", "2m", "dev"],
        { for: ["system", "port:8080"], timeout: 120 },
      ],
    ] as const) {
      const { world, services } = await servedWorld(context);
      assert.equal(await world.run("vm", "wait", ...words), 0);
      assert.deepEqual(services.seen, [{ name: "vms.wait", args: ["dev", request] }]);
      assert.equal(world.stdout.text, "dev\n");
    }
  });

  test("ends with 124 at the deadline, and refuses what cannot be waited for", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.wait", () => {
      throw fault("wait_expired", { vm: "dev", targets: ["system"], seconds: 1 });
    });
    assert.equal(await world.run("vm", "wait", "dev", "--for", "system", "--timeout", "1"), 124);
    assert.match(world.stderr.text, /vm "dev" did not get there within 1 s: still waiting for system\n/);
    assert.equal(await world.run("vm", "wait", "dev", "--for", "ssh"), 2);
    assert.match(world.stderr.text, /--for is "ssh", expected agent, system, exit or port:N/);
    assert.equal(await world.run("vm", "wait", "dev", "--timeout", "soon"), 2);
  });

  test("is part of making a machine with --wait", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("vm", "create", "--wait", "system", "-q"), 0);
    assert.deepEqual(services.seen.at(-1), { name: "vms.wait", args: [sampleVm.id, { for: ["system"] }] });
    const calls = services.seen.length;
    assert.equal(await world.run("vm", "create", "--wait", "moon"), 2);
    assert.equal(await world.run("vm", "create", "--wait", "system", "--no-start"), 2);
    assert.equal(services.seen.length, calls, "nothing was made");
  });
});

async function shown(world: FakeWorld, text: string): Promise<void> {
  while (!world.stdout.text.includes(text)) await new Promise((resolve) => setTimeout(resolve, 2));
}

function lastPicture(world: FakeWorld): string[] {
  const [picture = ""] = world.stdout.text.split("\x1b[H").slice(-1);
  return picture.replaceAll("\x1b[K", "").replaceAll("\x1b[J", "").split("\r\n");
}
