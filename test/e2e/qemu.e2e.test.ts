import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { detachedContext } from "../../src/lib/context.ts";
import { sleep } from "../../src/lib/deadline.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { identify, isAlive, signalProcess } from "../../src/lib/process-identity.ts";
import type { Captured, FrozenDisk, Machine, MachineEnd, MachineSpec } from "../../src/vmm/driver.ts";
import { QemuDriver } from "../../src/vmm/qemu/driver.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { tinyGuest } from "../vmm/tiny-guest.ts";

const driver = new QemuDriver();

/** A machine of 64 MiB with a disk, whose kernel does one thing. Its process is ended with the test. */
function machineSpec(context: TestContext, does: Parameters<typeof tinyGuest>[0]): MachineSpec {
  const directory = temporaryDirectory(context);
  context.after(async () => {
    for (const { process } of await driver.find(directory)) signalProcess(process, "SIGKILL");
  });
  const runDirectory = join(directory, "run");
  mkdirSync(runDirectory, { mode: 0o700 });
  const base = join(directory, "root, with a comma.ext4");
  writeFileSync(base, "");
  truncateSync(base, 8 * 2 ** 20);
  writeFileSync(join(directory, "vmlinuz"), tinyGuest(does));
  writeFileSync(join(directory, "initramfs"), "x");
  return {
    id: "0123456789ab",
    name: "tiny",
    runDirectory,
    logDirectory: directory,
    consoleLog: join(directory, "console.log"),
    accelerator: "tcg",
    vcpu: 1,
    memory: 64 * 2 ** 20,
    kernel: {
      vmlinuz: join(directory, "vmlinuz"),
      initramfs: join(directory, "initramfs"),
      commandLine: "console=ttyS0 a=b,c",
    },
    disks: [{ serial: "banger-root", path: base, format: "raw", readOnly: false }],
    nic: { kind: "user", mac: "52:54:00:00:00:01" },
  };
}

/** The same machine with a layer over its disk. */
async function onLayer(spec: MachineSpec): Promise<MachineSpec> {
  const base = spec.disks[0]?.path ?? "";
  const disk = await driver.createDisk({ directory: spec.logDirectory, base, size: 8 * 2 ** 20 });
  return { ...spec, disks: [{ serial: "banger-root", readOnly: false, ...disk }] };
}

async function start(spec: MachineSpec): Promise<Machine> {
  return await driver.start(spec, detachedContext(AbortSignal.timeout(60_000)));
}

async function consoleSays(spec: MachineSpec, text: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  const read = (): string =>
    existsSync(spec.consoleLog) ? readFileSync(spec.consoleLog, "utf8").replaceAll("\r", "") : "";
  while (!read().includes(text)) {
    assert.ok(Date.now() < deadline, `the console says ${JSON.stringify(read())}`);
    await sleep(20);
  }
}

function assertNothingLeft(spec: MachineSpec, machine: Machine): void {
  assert.equal(isAlive(machine.runtime.process), false);
  assert.equal(existsSync(join(spec.runDirectory, "agent.sock")), false);
  assert.equal(existsSync(join(spec.runDirectory, "monitor.sock")), false);
}

describe("a machine in QEMU", () => {
  test("runs in a session of its own, with sockets for its user only, and quits on request", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    await consoleSays(spec, "up\n");
    const { pid } = machine.runtime.process;
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    assert.equal(Number(fields[3]), pid, "it leads its session");
    for (const name of ["agent.sock", "monitor.sock"]) {
      assert.equal(statSync(join(spec.runDirectory, name)).mode & 0o777, 0o600, name);
    }
    assert.equal(statSync(spec.consoleLog).mode & 0o077, 0);
    assert.match(machine.runtime.version, /^\d+\.\d+\.\d+$/);
    assert.deepEqual(await driver.find(spec.runDirectory), [
      { process: machine.runtime.process, runDirectory: spec.runDirectory },
    ]);

    const end: MachineEnd = { kind: "quit", reason: "ended on request", expected: true };
    assert.deepEqual(await machine.quit(), end);
    assert.deepEqual(await machine.ended, end);
    assert.deepEqual(await driver.lastWords(machine.runtime), end);
    assertNothingLeft(spec, machine);
    assert.deepEqual(await driver.find(spec.runDirectory), []);
  });

  test("is paused and goes on, and tells of it", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    await consoleSays(spec, "up\n");
    let resumed = 0;
    machine.onResume(() => {
      resumed += 1;
    });
    await machine.pause();
    await machine.pause();
    assert.equal(resumed, 0);
    await machine.resume();
    await machine.resume();
    assert.equal(resumed, 1, "one that runs is left as it is");
    await machine.quit();
  });

  test("is saved while it runs, goes on, and goes on a second time from there", async (t) => {
    const spec = await onLayer(machineSpec(t, "idle"));
    const directory = spec.logDirectory;
    const machine = await start(spec);
    await consoleSays(spec, "up\n");
    const taken: FrozenDisk[] = [];
    const take = async (name: string): Promise<Captured> =>
      await machine.capture({
        snapshot: { memory: join(directory, `memory-${name}`), state: join(directory, `state-${name}`) },
        disk: {
          frozen: { directory, name: `frozen-${name}` },
          next: { directory, name: `disk-${name}` },
          onSwitch: (disk) => taken.push(disk),
        },
        goOn: true,
      });
    const first = await take("1");
    assert.ok(first.pause > 0, `${first.pause} ms`);
    const second = await take("2");
    assert.deepEqual(taken, [first.disk, second.disk]);
    const frozen = second.disk?.frozen;
    assert.ok(frozen);
    assert.equal(frozen.path, join(directory, "frozen-2.qcow2"));
    assert.equal(
      statSync(frozen.path).ino,
      statSync(join(directory, "disk-1.qcow2")).ino,
      "what it wrote to",
    );
    const memory = statSync(join(directory, "memory-2"));
    assert.equal(memory.size, spec.memory);
    assert.ok(memory.blocks * 512 < 2 ** 20, "sparse");

    const runDirectory = join(directory, "second");
    mkdirSync(runDirectory, { mode: 0o700 });
    const disk = await driver.createDisk({ directory, base: frozen, size: 8 * 2 ** 20, name: "copy" });
    const copy = { ...spec, runDirectory, disks: [{ serial: "banger-root", readOnly: false, ...disk }] };
    const snapshot = { memory: join(directory, "memory-2"), state: join(directory, "state-2") };
    const context = detachedContext(AbortSignal.timeout(60_000));
    let loaded = false;
    const beforeRun = async (): Promise<void> => {
      loaded = true;
    };
    const restored = await driver.restore(copy, snapshot, context, { beforeRun });
    assert.ok(loaded);
    const last = { memory: join(directory, "memory-3"), state: join(directory, "state-3") };
    assert.deepEqual(await restored.capture({ snapshot: last, goOn: false }), { pause: 0, disk: undefined });
    await Promise.all([restored.quit(), machine.quit()]);
    assert.equal(isAlive(restored.runtime.process), false);
  });

  test("that cannot be saved goes on, with the disk it had, and nothing is left", async (t) => {
    const spec = await onLayer(machineSpec(t, "idle"));
    const directory = spec.logDirectory;
    const machine = await start(spec);
    await consoleSays(spec, "up\n");
    const before = readdirSync(directory).sort();
    const places = { frozen: { directory, name: "frozen" }, next: { directory, name: "next" } };
    await rejectsWith(
      machine.capture({
        snapshot: { memory: "/dev/full/memory", state: join(directory, "state") },
        disk: { ...places, onSwitch: () => assert.fail("it has no state") },
        goOn: true,
      }),
      "directory_not_writable",
    );
    const abort = new AbortController();
    const snapshot = { memory: join(directory, "memory"), state: join(directory, "state") };
    const cancelled = machine.capture({ snapshot, goOn: true }, abort.signal);
    abort.abort();
    await rejectsWith(cancelled, "interrupted");
    assert.deepEqual(readdirSync(directory).sort(), before);
    assert.deepEqual(await machine.capture({ snapshot, goOn: false }), { pause: 0, disk: undefined });
    await machine.quit();
  });

  test("does not run when what comes before that fails, and its state can be used again", async (t) => {
    const spec = await onLayer(machineSpec(t, "idle"));
    const directory = spec.logDirectory;
    const machine = await start(spec);
    await consoleSays(spec, "up\n");
    const snapshot = { memory: join(directory, "memory"), state: join(directory, "state") };
    await machine.capture({ snapshot, goOn: false });
    await machine.quit();
    const context = detachedContext(AbortSignal.timeout(60_000));
    const beforeRun = (): Promise<void> =>
      Promise.reject(fault("no_space", { path: "/x", doing: "noting it" }));
    await rejectsWith(driver.restore(spec, snapshot, context, { beforeRun }), "no_space");
    assert.deepEqual(await driver.find(directory), []);
    const restored = await driver.restore(spec, snapshot, context);
    await restored.quit();
  });

  test("says that the guest powered off", async (t) => {
    const spec = machineSpec(t, "power-off");
    const machine = await start(spec);
    const end: MachineEnd = { kind: "powered-off", reason: "the guest powered off", expected: true };
    assert.deepEqual(await machine.ended, end);
    assertNothingLeft(spec, machine);
  });

  test("goes on when the guest resets, and tells", async (t) => {
    const spec = machineSpec(t, "reset");
    const machine = await start(spec);
    await new Promise<void>((resolve) => {
      const unlisten = machine.onReset(() => {
        unlisten();
        resolve();
      });
    });
    await consoleSays(spec, "up\nup\n");
    assert.ok(isAlive(machine.runtime.process));
    await machine.quit();
  });

  test("that is killed says so, to its starter and to one who adopted it", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    assert.equal(machine.signal("SIGKILL"), true);
    assert.deepEqual(await machine.ended, { kind: "killed", reason: "killed by SIGKILL", expected: false });
    assertNothingLeft(spec, machine);
    assert.equal(machine.signal("SIGKILL"), false);
    assert.equal(await driver.adopt(machine.runtime), undefined);
  });

  test("that another program ends by SIGTERM names it", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    await consoleSays(spec, "up\n");
    process.kill(machine.runtime.process.pid, "SIGTERM");
    const { kind, reason } = await machine.ended;
    assert.equal(kind, "killed");
    assert.match(reason, new RegExp(`^ended by signal 15 from process ${process.pid} \\(.+\\)$`));
  });

  test("is adopted with all its life by another driver after the first one lets go", async (t) => {
    const spec = machineSpec(t, "power-off");
    const first = await start(spec);
    let told = false;
    void first.ended.then(() => {
      told = true;
    });
    first.detach();
    const runtime = JSON.parse(JSON.stringify(first.runtime)) as typeof first.runtime;
    const second = await new QemuDriver().adopt(runtime);
    assert.ok(second);
    assert.deepEqual(second.runtime, first.runtime);
    assert.equal((await second.ended).reason, "the guest powered off");
    assert.equal(told, false);
  });

  test("survives the program that started it", async (t) => {
    const spec = machineSpec(t, "idle");
    const script = `
      const { QemuDriver } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/vmm/qemu/driver.ts"))});
      const { detachedContext } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/lib/context.ts"))});
      const machine = await new QemuDriver().start(${JSON.stringify(spec)}, detachedContext());
      process.stdout.write(JSON.stringify(machine.runtime));
      process.kill(process.pid, "SIGKILL");
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(child, "close");
    const machine = await driver.adopt(JSON.parse(output));
    assert.ok(machine);
    await consoleSays(spec, "up\n");
    assert.equal((await machine.quit()).expected, true);
    assertNothingLeft(spec, machine);
  });

  test("is not taken for another process that has its number", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    machine.detach();
    const own = identify(process.pid);
    assert.ok(own);
    const { runtime } = machine;
    assert.equal(await driver.adopt({ ...runtime, process: own }), undefined);
    const otherTime = { pid: runtime.process.pid, startTime: runtime.process.startTime - 1 };
    assert.equal(await driver.adopt({ ...runtime, process: otherTime }), undefined);
    assert.ok(isAlive(runtime.process));
  });

  test("whose sockets were deleted is ended, because nobody can reach it again", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    machine.detach();
    rmSync(join(spec.runDirectory, "agent.sock"));
    assert.equal(await driver.adopt(machine.runtime), undefined);
    assertNothingLeft(spec, machine);
  });

  test("that hangs ends all the same when it is told to quit", async (t) => {
    const spec = machineSpec(t, "idle");
    const machine = await start(spec);
    assert.ok(machine.signal("SIGSTOP"));
    assert.deepEqual(await machine.quit({ timeout: 200 }), {
      kind: "killed",
      reason: "killed by SIGKILL",
      expected: false,
    });
    assertNothingLeft(spec, machine);
  });
});

describe("a start that fails", () => {
  test("gives QEMU's own words and leaves nothing", async (t) => {
    const spec = machineSpec(t, "idle");
    const missing = join(spec.logDirectory, "no-such-disk");
    const disks = [{ serial: "banger-root", path: missing, format: "raw" as const, readOnly: false }];
    const error = await rejectsWith(
      start({ ...spec, disks }),
      "vmm_failed",
      /^QEMU did not start the machine: -blockdev .*: Could not open '.*\/no-such-disk': No such file or directory$/,
    );
    assert.equal(error.causes.length > 0, true);
    assert.deepEqual(await driver.find(spec.runDirectory), []);
    assert.equal(existsSync(join(spec.runDirectory, "monitor.sock")), false);
  });

  test("because it was cancelled leaves nothing", async (t) => {
    const spec = machineSpec(t, "idle");
    const abort = new AbortController();
    const started = driver.start(spec, detachedContext(abort.signal));
    while (!existsSync(join(spec.runDirectory, "monitor.sock"))) await sleep(1);
    abort.abort();
    await rejectsWith(started, "interrupted");
    assert.deepEqual(await driver.find(spec.runDirectory), []);
    assert.equal(existsSync(join(spec.runDirectory, "monitor.sock")), false);
  });

  test("because a socket's path is too long happens before anything is made", async (t) => {
    const spec = machineSpec(t, "idle");
    const runDirectory = join(spec.runDirectory, "x".repeat(100));
    await rejectsWith(start({ ...spec, runDirectory }), "path_too_long");
    assert.equal(existsSync(join(spec.logDirectory, "vmm.log")), false);
  });
});

describe("a machine's disk", () => {
  test("is copy-on-write over the image, thin, and grows", async (t) => {
    const directory = temporaryDirectory(t);
    const base = join(directory, "rootfs.ext4");
    writeFileSync(base, "");
    truncateSync(base, 64 * 2 ** 20);
    const disk = await driver.createDisk({ directory, base, size: 2 ** 30 });
    assert.deepEqual(disk, { path: join(directory, "disk.qcow2"), format: "qcow2" });
    assert.ok((await driver.diskUsed(disk)) < 2 ** 20);
    await driver.growDisk(disk, 2 ** 31);
    const info = JSON.parse(
      execFileSync("qemu-img", ["info", "--output=json", disk.path], { encoding: "utf8" }),
    );
    assert.equal(info["virtual-size"], 2 ** 31);
    assert.equal(info["backing-filename"], base);
    assert.equal(info["backing-filename-format"], "raw");
    assert.equal(await driver.diskUsed({ path: join(directory, "none"), format: "qcow2" }), 0);
  });

  test("that cannot be made leaves no half of it", async (t) => {
    const directory = temporaryDirectory(t);
    const base = join(directory, "no-such-image");
    const failed = driver.createDisk({ directory, base, size: 2 ** 30 });
    await rejectsWith(failed, "image_file_missing", `there is nothing at ${JSON.stringify(base)}`);
    assert.deepEqual(execFileSync("ls", ["-A", directory], { encoding: "utf8" }), "");
  });
});
