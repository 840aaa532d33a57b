import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Vm } from "../../src/model/vm.ts";
import { slim, TestHost } from "./support/host.ts";

describe("a machine", () => {
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    await host.ok(["vm", "create", "--name", "dev", "--image", slim, "--disk", "12G"], { timeout: 900_000 });
  });
  after(async () => await host[Symbol.asyncDispose]());

  test("takes commands before systemd is up, and then runs with no failed unit", async () => {
    // Its name in /proc is still "init", by which the kernel started it, until systemd gives itself another.
    assert.match(await host.guest("dev", "readlink /proc/1/exe"), /\/systemd$/);
    assert.equal(await host.systemState("dev"), "running");
    assert.equal(await host.guest("dev", "systemctl --failed --no-legend --plain | wc -l"), "0");
  });

  test("has the name, the locale and the time zone that it should have", async () => {
    assert.equal(await host.guest("dev", "hostname; cat /etc/hostname"), "dev\ndev");
    assert.equal(await host.guest("dev", "getent hosts dev | cut -d ' ' -f 1"), "127.0.1.1");
    assert.match(await host.guest("dev", "getent hosts 127.0.0.1"), /^127\.0\.0\.1\s+localhost$/);
    assert.equal(await host.guest("dev", 'echo "$LANG"; date +%Z'), "C.UTF-8\nUTC");
    const skew = Number(await host.guest("dev", "date +%s")) - Date.now() / 1000;
    assert.ok(Math.abs(skew) < 5, `the clock is off by ${skew} s`);
    assert.match(await host.guest("dev", "cat /etc/machine-id"), /^[0-9a-f]{32}$/);
  });

  test("has the disk that was asked for, and its kernel's modules", async () => {
    const size = Number(await host.guest("dev", "df --output=size -B1 / | tail -1"));
    assert.ok(size > 11 * 2 ** 30, `${size} bytes`);
    const modules = await host.guest(
      "dev",
      "findmnt -no FSTYPE,OPTIONS /lib/modules/$(uname -r); modprobe -n -v overlay",
    );
    assert.match(modules, /^ext4\s+ro/);
    assert.match(modules, /overlay\.ko/);
  });

  test("has no network card", async () => {
    assert.equal(await host.guest("dev", "ls /sys/class/net"), "lo");
  });

  test("keeps what was written just before a stop", async () => {
    await host.guest("dev", "head -c 3000000 /dev/urandom > /root/data; sha256sum < /root/data > /root/sum");
    await host.ok(["vm", "stop", "dev"]);
    assert.equal((await host.vm("dev")).state, "stopped");
    await host.ok(["vm", "start", "dev"]);
    assert.equal(await host.guest("dev", "cd /root && sha256sum < data | diff - sum && echo same"), "same");
  });

  test("keeps what the guest had synced when it is killed", async () => {
    await host.guest("dev", "echo precious > /root/kept; sync");
    await host.ok(["vm", "kill", "dev"]);
    const killed = await host.vm("dev");
    assert.equal(killed.state, "stopped");
    assert.match(killed.reason ?? "", /SIGKILL/);
    await host.ok(["vm", "start", "dev"]);
    assert.equal(await host.guest("dev", "cat /root/kept"), "precious");
  });

  test("is changed while stopped, and says what waits while it runs", async () => {
    const waiting = await host.run(["vm", "set", "dev", "--memory", "700M"]);
    assert.equal(waiting.status, 0, waiting.err);
    assert.match(waiting.out + waiting.err, /restart/);
    assert.equal((await host.vm("dev")).pending?.memory, 700 * 2 ** 20);
    await host.ok(["vm", "stop", "dev"]);
    await host.ok(["vm", "set", "dev", "--vcpu", "2", "--disk", "13G"]);
    const shrink = await host.run(["vm", "set", "dev", "--disk", "2G"]);
    assert.equal(shrink.status, 2);
    assert.match(shrink.err, /the disk of vm "dev" is 13 GiB and cannot shrink to 2 GiB/);
    await host.ok(["vm", "start", "dev"]);
    assert.equal(await host.guest("dev", "nproc"), "2");
    const memory = Number(await host.guest("dev", "awk '/MemTotal/ {print $2}' /proc/meminfo"));
    assert.ok(memory > 550_000 && memory < 717_000, `${memory} KiB`);
    const size = Number(await host.guest("dev", "df --output=size -B1 / | tail -1"));
    assert.ok(size > 12 * 2 ** 30, `${size} bytes`);
  });

  test("comes back from a reboot of its own", async () => {
    assert.equal(await host.systemState("dev"), "running");
    const before = await host.guest("dev", "cat /proc/sys/kernel/random/boot_id");
    await host.run(["vm", "exec", "dev", "--", "systemctl", "reboot"]);
    let now = before;
    for (let attempt = 0; attempt < 90 && (now === before || now === ""); attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      now = (
        await host.run(["vm", "exec", "dev", "--", "cat", "/proc/sys/kernel/random/boot_id"])
      ).out.trim();
    }
    assert.notEqual(now, before);
    assert.match(now, /^[0-9a-f-]{36}$/);
  });

  test("that powers itself off is stopped, and says why", async () => {
    assert.equal(await host.systemState("dev"), "running");
    await host.run(["vm", "exec", "dev", "--", "systemctl", "poweroff"]);
    let vm = await host.vm("dev");
    for (let attempt = 0; attempt < 90 && vm.state !== "stopped"; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      vm = await host.vm("dev");
    }
    assert.equal(vm.state, "stopped");
    assert.equal(vm.reason, "the guest powered off");
    const { status, err } = await host.run(["vm", "exec", "dev", "--", "true"]);
    assert.equal(status, 1);
    assert.match(err, /vm "dev" is stopped; to run a command it must be running/);
  });

  test("shows its console", async () => {
    const console = await host.ok(["vm", "logs", "dev"]);
    assert.ok(console.length > 0);
  });

  test("is deleted with everything it had", async () => {
    await host.ok(["vm", "delete", "dev"]);
    assert.deepEqual(await host.vms(), []);
    assert.deepEqual(readdirSync(`${host.state}/vms`), []);
    const again = await host.run(["vm", "delete", "dev", "ghost"]);
    assert.equal(again.status, 1);
    assert.match(again.err, /vm "dev" not found/);
    assert.match(again.err, /vm "ghost" not found/);
  });
});

test("pressing Ctrl-C while a machine is made leaves nothing", async () => {
  await using host = new TestHost();
  const child = host.start(["vm", "run", "--image", slim, "--name", "gone", "--", "true"]);
  let err = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    err += String(chunk);
    if (/boot|start/i.test(err)) child.kill("SIGINT");
  });
  const [status] = (await once(child, "close")) as [number | null];
  assert.equal(status, 130, err);
  assert.deepEqual(await host.vms(), []);
  assert.deepEqual(readdirSync(`${host.state}/vms`), []);
});

test("several machines are started and stopped at once, with an error for each that fails", async () => {
  await using host = new TestHost();
  for (const name of ["one", "two"]) {
    await host.ok(["vm", "create", "--no-start", "--name", name, "--image", slim, "--memory", "512M"]);
  }
  const started = await host.run(["vm", "start", "one", "ghost", "two"]);
  assert.equal(started.status, 1);
  assert.match(started.err, /vm "ghost" not found/);
  const states = (await host.vms()).map(({ name, state }: Vm) => `${name} ${state}`);
  assert.deepEqual(states, ["one running", "two running"]);
  await host.ok(["vm", "kill", "one", "two"]);
  await host.ok(["vm", "prune", "--force"]);
  assert.deepEqual(await host.vms(), []);
});
