import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { DetachedExit } from "../../../src/lib/detached.ts";
import { identify } from "../../../src/lib/process-identity.ts";
import type { MachineRuntime } from "../../../src/vmm/driver.ts";
import { QemuMachine } from "../../../src/vmm/qemu/machine.ts";
import { QmpClient } from "../../../src/vmm/qemu/qmp/client.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { type QmpBehaviour, type QmpDouble, qmpDouble } from "./qmp/double.ts";

interface Stage {
  runtime: MachineRuntime;
  qemu: QmpDouble;
  exited: Promise<DetachedExit>;
  kill: (signal: NodeJS.Signals) => void;
}

/** A process and a control socket that have nothing to do with each other, but pass for a QEMU. */
async function stage(
  t: TestContext,
  behaviour: QmpBehaviour = {},
  program = ["sleep", "60"],
): Promise<Stage> {
  const directory = temporaryDirectory(t);
  const [command = "", ...args] = program;
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  const exited = new Promise<DetachedExit>((resolve) => {
    child.once("exit", (status, signal) =>
      resolve({ status: status ?? undefined, signal: signal ?? undefined }),
    );
  });
  await once(child, "spawn");
  const qemu = await qmpDouble(t, behaviour, join(directory, "monitor.sock"));
  writeFileSync(join(directory, "agent.sock"), "");
  const process = identify(child.pid ?? 0);
  assert.ok(process);
  const runtime = {
    driver: "qemu",
    version: "7.2.22",
    accelerator: "tcg" as const,
    process,
    agentSocket: join(directory, "agent.sock"),
    monitorSocket: qemu.path,
    consoleLog: join(directory, "console.log"),
    log: join(directory, "vmm.log"),
  };
  return { runtime, qemu, exited, kill: (signal) => child.kill(signal) };
}

describe("a machine that is watched", () => {
  test("ends with its process, and its sockets with it", async (t) => {
    const { runtime, kill, exited } = await stage(t);
    const monitor = await QmpClient.connect(runtime.monitorSocket, { timeout: 5000 });
    const machine = new QemuMachine(runtime, { exited, monitor });
    assert.equal(machine.agentSocket, runtime.agentSocket);
    kill("SIGSEGV");
    assert.deepEqual(await machine.ended, { kind: "killed", reason: "killed by SIGSEGV", expected: false });
    assert.equal(existsSync(runtime.agentSocket), false);
    await monitor.closed;
  });

  test("ends when the process is not ours, too, and tells from the log", async (t) => {
    const { runtime, kill } = await stage(t);
    const machine = new QemuMachine(runtime);
    writeFileSync(runtime.log, "qemu_system_shutdown_request reason=6\n");
    kill("SIGKILL");
    assert.equal((await machine.ended).reason, "the guest powered off");
  });

  test("has no reason when its log cannot be read", async (t) => {
    const { runtime, kill } = await stage(t);
    const machine = new QemuMachine({ ...runtime, log: "/proc/self/mem/none" });
    kill("SIGKILL");
    assert.equal((await machine.ended).kind, "vanished");
  });

  test("quits through the control socket", async (t) => {
    let kill: (signal: NodeJS.Signals) => void = () => undefined;
    const staged = await stage(t, {
      answer: ({ execute, id }) => {
        if (execute === "quit") kill("SIGKILL");
        return { return: {}, id };
      },
    });
    kill = staged.kill;
    const monitor = await QmpClient.connect(staged.runtime.monitorSocket, { timeout: 5000 });
    const machine = new QemuMachine(staged.runtime, { exited: staged.exited, monitor });
    writeFileSync(staged.runtime.log, "qemu_system_shutdown_request reason=2\n");
    const end = { kind: "quit", reason: "ended on request", expected: true };
    assert.deepEqual(await machine.quit(), end);
    assert.ok(staged.qemu.requests.some(({ execute }) => execute === "quit"));
    assert.deepEqual(await machine.quit(), end);
  });

  test("that does not quit is killed", async (t) => {
    const { runtime, exited } = await stage(t);
    const monitor = await QmpClient.connect(runtime.monitorSocket, { timeout: 5000 });
    const machine = new QemuMachine(runtime, { exited, monitor });
    const end = await machine.quit({ timeout: 50 });
    assert.deepEqual(end, { kind: "killed", reason: "killed by SIGKILL", expected: false });
  });

  test("without a control socket is told to end by SIGTERM", async (t) => {
    const { runtime, exited, qemu } = await stage(t);
    await qemu.close();
    const machine = new QemuMachine(runtime);
    const end = await machine.quit();
    assert.deepEqual(end, { kind: "killed", reason: "killed by SIGTERM", expected: false });
    assert.deepEqual(await exited, { status: undefined, signal: "SIGTERM" });
  });

  test("tells of the guest's resets and of nobody else's, until nobody listens", async (t) => {
    const { runtime, qemu, exited } = await stage(t);
    const monitor = await QmpClient.connect(runtime.monitorSocket, { timeout: 5000 });
    const machine = new QemuMachine(runtime, { exited, monitor });
    t.after(() => machine.detach());
    let resets = 0;
    const unlisten = machine.onReset(() => {
      resets += 1;
    });
    qemu.send({ event: "RESET", data: { guest: false, reason: "host-qmp-system-reset" } });
    qemu.send({ event: "STOP" });
    qemu.send({ event: "RESET", data: { guest: true, reason: "guest-reset" } });
    await monitor.execute("query-status");
    assert.equal(resets, 1);
    unlisten();
    qemu.send({ event: "RESET", data: { guest: true, reason: "guest-reset" } });
    await monitor.execute("query-status");
    assert.equal(resets, 1);
  });

  test("is paused and resumed through the control socket, and tells whenever it goes on", async (t) => {
    const { runtime, qemu, exited } = await stage(t);
    const monitor = await QmpClient.connect(runtime.monitorSocket, { timeout: 5000 });
    const machine = new QemuMachine(runtime, { exited, monitor });
    t.after(() => machine.detach());
    let resumes = 0;
    const unlisten = machine.onResume(() => {
      resumes += 1;
    });
    await machine.pause();
    qemu.send({ event: "STOP" });
    qemu.send({ event: "RESUME" });
    await machine.resume();
    assert.equal(resumes, 1);
    unlisten();
    qemu.send({ event: "RESUME" });
    await monitor.execute("query-status");
    assert.equal(resumes, 1);
    const commands = qemu.requests
      .map(({ execute }) => execute)
      .filter((name) => name !== "qmp_capabilities");
    assert.deepEqual(commands, ["stop", "cont", "query-status"]);
  });

  test("cannot be paused while its control socket is lost", async (t) => {
    const { runtime, qemu } = await stage(t);
    await qemu.close();
    const machine = new QemuMachine(runtime);
    t.after(() => machine.detach());
    await rejectsWith(
      machine.pause(),
      "vmm_protocol",
      "QEMU answered with something unexpected: its control socket is not connected",
    );
  });

  test("is connected to again when the connection is lost", async (t) => {
    const { runtime, qemu } = await stage(t);
    const machine = new QemuMachine(runtime);
    t.after(() => machine.detach());
    while (qemu.clients.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    qemu.clients[0]?.destroy();
    const again = new Promise<void>((resolve) => machine.onReset(resolve));
    while (qemu.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    // The listener is in place a moment after the answer to the last request.
    const poke = setInterval(() => qemu.send({ event: "RESET", data: { guest: true } }), 5);
    t.after(() => clearInterval(poke));
    await again;
    clearInterval(poke);
  });

  test("that was let go lives on and is not heard of again", async (t) => {
    const { runtime, kill, exited, qemu } = await stage(t);
    const monitor = await QmpClient.connect(runtime.monitorSocket, { timeout: 5000 });
    const machine = new QemuMachine(runtime, { exited, monitor });
    let told = false;
    void machine.ended.then(() => {
      told = true;
    });
    machine.detach();
    await monitor.closed;
    kill("SIGKILL");
    await exited;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told, false);
    assert.equal(existsSync(runtime.agentSocket), true);
    assert.deepEqual(
      qemu.requests.map(({ execute }) => execute),
      ["qmp_capabilities"],
    );
  });
});
