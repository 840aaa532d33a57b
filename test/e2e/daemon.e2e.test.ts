import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { slim, TestHost } from "./support/host.ts";

describe("a machine and its daemon", () => {
  let host: TestHost;
  let pid: number | undefined;
  before(async () => {
    host = new TestHost();
    await host.ok(["vm", "create", "--name", "dev", "--image", slim], { timeout: 900_000 });
    pid = (await host.vm("dev")).pid;
    await host.guest("dev", "echo kept > /run/mark");
  });
  after(async () => await host[Symbol.asyncDispose]());

  async function isTheSame(): Promise<void> {
    const vm = await host.vm("dev");
    assert.equal(vm.state, "running");
    assert.equal(vm.pid, pid);
    assert.equal(await host.guest("dev", "cat /run/mark"), "kept");
  }

  test("the machine survives the daemon's end", async () => {
    await host.ok(["daemon", "stop"]);
    await isTheSame();
  });

  test("the machine survives the daemon being killed, and a command that was attached ends with a reason", async () => {
    const child = host.start(["vm", "exec", "dev", "--", "sh", "-c", "echo ready; sleep 600"]);
    let err = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      err += String(chunk);
    });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    const daemon = Number((await host.json<{ pid: number }>(["daemon", "status"])).pid);
    process.kill(daemon, "SIGKILL");
    const [status] = (await once(child, "close")) as [number | null];
    assert.equal(status, 255);
    assert.match(err, /error: the connection to the machine ended/);
    await isTheSame();
  });

  test("a daemon of another build is replaced, and the machine does not notice", async () => {
    const before = await host.json<{ pid: number }>(["daemon", "status"]);
    const { Banger } = await import("../../src/client/banger.ts");
    // This program runs from source: to the daemon that was started from the bundle it is another build.
    const banger = new Banger({ env: host.env, sameBuild: true });
    const info = await banger.info();
    assert.notEqual(info.pid, before.pid);
    await isTheSame();
  });

  test("a machine whose process died is stopped, and says so, whether the daemon saw it or not", async () => {
    await host.ok(["daemon", "stop"]);
    process.kill(pid as number, "SIGKILL");
    const vm = await host.vm("dev");
    assert.equal(vm.state, "stopped");
    assert.ok(vm.reason, "there is a reason");
    await host.ok(["vm", "start", "dev"]);
    await host.ok(["vm", "delete", "dev"]);
  });

  test("a daemon that is killed while a machine is made leaves nothing that cannot be seen and removed", async () => {
    for (const delay of [50, 300, 1000, 2500]) {
      const child = host.start(["vm", "create", "--name", "half", "--image", slim]);
      const closed = once(child, "close");
      await new Promise((resolve) => setTimeout(resolve, 150 + delay));
      const daemon = Number((await host.json<{ pid: number }>(["daemon", "status"])).pid);
      process.kill(daemon, "SIGKILL");
      await closed;
      const listed = (await host.vms()).map(({ id }) => id);
      assert.deepEqual(readdirSync(`${host.state}/vms`).sort(), listed.sort());
      if (listed.length > 0) await host.ok(["vm", "delete", "half"]);
      assert.deepEqual(readdirSync(`${host.state}/vms`), []);
    }
  });

  test("ten first commands at once start one daemon", async () => {
    await host.ok(["daemon", "stop"]);
    const statuses = await Promise.all(Array.from({ length: 10 }, () => host.run(["vm", "list"])));
    assert.deepEqual(
      statuses.map(({ status, err }) => `${status}${err}`),
      Array.from({ length: 10 }, () => "0"),
    );
  });
});
