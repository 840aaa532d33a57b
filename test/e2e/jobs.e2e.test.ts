import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { Banger } from "../../src/client/banger.ts";
import type { Job } from "../../src/model/job.ts";
import { slim, TestHost } from "./support/host.ts";

describe("commands and the daemon", () => {
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    await host.ok(["vm", "create", "--name", "dev", "--image", slim], { timeout: 900_000 });
  });
  after(async () => await host[Symbol.asyncDispose]());

  test("a detached one outlives a daemon that is killed, is listed, followed and ended", async () => {
    const script = "echo before; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after; exec sleep 4242";
    const id = await host.ok(["vm", "exec", "-d", "dev", "--", "sh", "-c", script]);
    assert.equal(id, "1");
    process.kill(host.daemonPid() as number, "SIGKILL");
    const [job] = await host.json<Job[]>(["vm", "jobs", "dev"]);
    assert.deepEqual([job?.id, job?.state], [1, "running"]);
    const following = host.start(["vm", "attach", "dev", id]);
    await host.guest("dev", "touch /tmp/go");
    let out = "";
    following.stdout?.on("data", (chunk: Buffer) => {
      out += String(chunk);
    });
    while (!out.includes("after\n")) await once(following.stdout as NodeJS.ReadableStream, "data");
    const closed = once(following, "close");
    await host.ok(["vm", "jobs", "dev", "--kill", id]);
    assert.deepEqual((await closed)[0], 143);
    assert.equal(out, "before\nafter\n");
    const [ended] = await host.json<Job[]>(["vm", "jobs", "dev"]);
    assert.deepEqual([ended?.state, ended?.code, ended?.signal], ["ended", 143, "TERM"]);
  });

  test("an attached one ends with its daemon, and says so", async () => {
    for (const how of ["SIGKILL", "SIGTERM"] as const) {
      const child = host.start(["vm", "exec", "dev", "--", "sh", "-c", "echo ready; exec sleep 4343"]);
      assert.ok(child.stdout && child.stderr);
      await once(child.stdout, "data");
      const [said, closed] = [text(child.stderr), once(child, "close")];
      process.kill(host.daemonPid() as number, how);
      assert.equal((await closed)[0], 255, how);
      assert.match(await said, /the connection to the machine ended: /);
    }
    let left = "1";
    for (let attempt = 0; attempt < 40 && left !== "0"; attempt += 1) {
      left = await host.guest("dev", "grep -l 'slee[p].4343' /proc/[0-9]*/cmdline 2>/dev/null | wc -l");
    }
    assert.equal(left, "0");
  });

  test("one that takes too long is ended with all that it started", async () => {
    const script = "sleep 4444 & trap '' TERM; sleep 4444; sleep 4444";
    const { status, err } = await host.run(["vm", "exec", "--timeout", "2", "dev", "--", "sh", "-c", script]);
    assert.equal(status, 124);
    assert.match(err, /the command took longer than its --timeout and was ended/);
    assert.equal(
      await host.guest("dev", "grep -l 'slee[p].4444' /proc/[0-9]*/cmdline 2>/dev/null | wc -l"),
      "0",
    );
  });

  test("200 at once keep their three channels apart, and leave no zombie", { timeout: 300_000 }, async () => {
    const banger = new Banger({ env: host.env, autostart: false });
    const runs = Array.from({ length: 200 }, async (_, i) => {
      const remote = await banger.vms.exec("dev", {
        args: ["sh", "-c", `cat; echo error ${i} >&2; exit ${i % 100}`],
      });
      const input = `${i} `.repeat(500 + i);
      remote.stdin.end(input);
      const [out, err, exit] = await Promise.all([text(remote.stdout), text(remote.stderr), remote.exited]);
      assert.equal(out, input);
      assert.equal(err, `error ${i}\n`);
      assert.deepEqual(exit, { code: i % 100 });
    });
    await Promise.all(runs);
    assert.equal(await host.guest("dev", "grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l"), "0");
  });

  test("a million bytes of arguments arrive", async () => {
    const banger = new Banger({ env: host.env, autostart: false });
    const args = Array.from({ length: 9 }, () => "x".repeat(110_000));
    const remote = await banger.vms.exec("dev", {
      args: ["sh", "-c", 'printf %s "$@" | wc -c', "sh", ...args],
    });
    remote.stdin.end();
    remote.stderr.resume();
    assert.equal(await text(remote.stdout), "990000\n");
    await remote.exited;
  });
});
