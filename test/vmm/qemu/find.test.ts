import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { identify } from "../../../src/lib/process-identity.ts";
import { monitorOption } from "../../../src/vmm/qemu/command-line.ts";
import { findMachines, isMachine } from "../../../src/vmm/qemu/find.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** A process that sleeps, and has the control socket of a machine on its command line. */
async function pretend(context: TestContext, socket: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", "read -r line", "qemu", "-chardev", monitorOption(socket)], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  context.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  return child;
}

test("machines are found by their run directories, those of others are not", async (t) => {
  const root = temporaryDirectory(t);
  const one = await pretend(t, join(root, "one", "monitor.sock"));
  const two = await pretend(t, join(root, "with, comma", "monitor.sock"));
  await pretend(t, `${root}-other/monitor.sock`);
  const found = await findMachines(root);
  assert.deepEqual(
    found.toSorted((a, b) => a.runDirectory.localeCompare(b.runDirectory)),
    [
      { process: identify(one.pid ?? 0), runDirectory: join(root, "one") },
      { process: identify(two.pid ?? 0), runDirectory: join(root, "with, comma") },
    ],
  );
  assert.equal((await findMachines(join(root, "one"))).length, 1);
  assert.deepEqual(await findMachines(join(root, "none")), []);
});

test("a process is a machine only with its number, its start and its socket", async (t) => {
  const socket = join(temporaryDirectory(t), "monitor.sock");
  const child = await pretend(t, socket);
  const identity = identify(child.pid ?? 0);
  assert.ok(identity);
  assert.equal(await isMachine(identity, socket), true);
  assert.equal(await isMachine(identity, `${socket}2`), false);
  assert.equal(await isMachine({ ...identity, startTime: identity.startTime + 1 }, socket), false);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await isMachine(identity, socket), false);
});
