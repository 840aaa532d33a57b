import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { identify, isAlive, signalProcess } from "../../src/lib/process-identity.ts";

test("a live process has an identity, and keeps it", () => {
  const self = identify(process.pid);
  assert.ok(self);
  assert.equal(self.pid, process.pid);
  assert.ok(self.startTime > 0);
  assert.deepEqual(identify(process.pid), self);
  assert.ok(isAlive(self));
});

test("another start time is another process, and is not signalled", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const identity = identify(child.pid ?? 0);
  assert.ok(identity);
  assert.equal(signalProcess({ ...identity, startTime: identity.startTime - 1 }, "SIGKILL"), false);
  assert.ok(isAlive(identity));
  assert.equal(signalProcess(identity, "SIGKILL"), true);
  await once(child, "exit");
  assert.ok(!isAlive(identity));
  assert.equal(signalProcess(identity, "SIGTERM"), false);
});

test("a zombie is not alive", async () => {
  // The shell starts a child that ends at once and becomes a program that never reaps it.
  const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line);
  for (let i = 0; i < 100 && identify(pid); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(identify(pid), undefined);
  parent.kill("SIGKILL");
  await once(parent, "exit");
});

test("there is no process of a pid beyond the kernel's limit", () => {
  assert.equal(identify(2 ** 30), undefined);
});
