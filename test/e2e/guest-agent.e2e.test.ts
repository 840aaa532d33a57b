import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { DebianArchive } from "../../src/debian/archive.ts";
import { writeModulesDrive } from "../../src/image/modules-drive.ts";
import { type BootFiles, KernelService } from "../../src/kernel/service.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { signalProcess } from "../../src/lib/process-identity.ts";
import { configSchema } from "../../src/model/config.ts";
import { AccelerationService } from "../../src/vmm/acceleration.ts";
import type { Machine } from "../../src/vmm/driver.ts";
import { QemuDriver } from "../../src/vmm/qemu/driver.ts";
import { type Fields, op, type } from "../guest-agent/codec.ts";
import { Peer, readResult } from "../guest-agent/peer.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { root } from "./support/host.ts";

/**
 * The agent as PID 1 of a real kernel, spoken to frame by frame. The machine's root holds nothing but the agent's own binary, which is
 * also the only program there is to run.
 */
const shared = join(root, "build", "e2e-state");
const agentBinary = join(root, "build", "banger-agent");
const ownName: Fields = [
  [10, "/bin/agent"],
  [10, "--version"],
];

interface Guest extends BootFiles {
  commandLine: string;
}

for (const kernel of ["generic-6.1", "generic-6.12"]) {
  describe(`the agent in ${kernel}`, () => {
    let guest: Guest;
    let archive: DebianArchive;

    before(async () => {
      execFileSync(join(root, "guest-agent/build.sh"));
      const { mirror, security_mirror: securityMirror } = configSchema.parse({}).archive;
      const cache = join(shared, "cache", "banger");
      archive = new DebianArchive({ mirror, securityMirror, downloads: join(cache, "downloads") });
      const directory = join(shared, "state", "banger", "kernels");
      const service = new KernelService({
        directory,
        cache,
        archive,
        agentBinary,
        writeModules: writeModulesDrive,
      });
      const context = detachedContext(AbortSignal.timeout(300_000));
      await service.ensure(kernel, context);
      const acceleration = new AccelerationService({ directory: join(cache, "probe") });
      await acceleration.verdict("tcg", context);
      guest = {
        ...(await service.bootFiles(kernel, context)),
        commandLine: acceleration.kernelCommandLine("tcg"),
      };
    });
    after(() => archive.close());

    test("mounts, grows, boots without an init, runs commands, and powers off in order", async (t) => {
      const { machine, host } = await boot(t, guest);
      const early = await host.call(op.exec, ownName);
      assert.deepEqual([early.errno, early.message], [11, "the machine has not booted yet"]);
      const mounted = await host.call(op.mount, [
        ...rootDisk,
        [32, "modules"],
        [33, "bare"],
        [39, 1],
        [35, Buffer.alloc(64, 1)],
      ]);
      assert.deepEqual([mounted.errno, mounted.message], [0, ""]);
      assert.equal(mounted.fields.get(53)?.readBigUInt64LE(), BigInt(grownSize));
      assert.deepEqual(
        await answer(host, op.file, [
          [90, "/etc/written"],
          [94, "x"],
        ]),
        [0, ""],
      );
      assert.deepEqual(await answer(host, op.boot, []), [0, ""]);
      assert.match((await host.run(["/bin/agent", "--version"])).stdout.toString(), /^2\+[0-9a-f]{12}\n$/);
      const info = (await host.call(op.info, [])).fields;
      assert.deepEqual(
        [info.get(84)?.readUInt32LE(), info.get(85)?.toString(), info.get(86)?.toString()],
        [2, "bare", "banger-init"],
      );
      assert.deepEqual(await answer(host, op.shutdown, [[70, 1]]), [0, ""]);
      assert.equal((await machine.ended).expected, true);
    });

    test("serves one host after another, however quickly they come", async (t) => {
      const { machine, host } = await boot(t, guest);
      assert.deepEqual(await answer(host, op.mount, rootDisk), [0, ""]);
      assert.deepEqual(await answer(host, op.boot, []), [0, ""]);
      let current = host;
      for (let i = 0; i < 20; i++) {
        const stream = current.exec(["/bin/agent", "--serve-fd", "0"]);
        if (i % 2 === 0) await current.started(stream);
        current.hangUp();
        await new Promise((resolve) => setTimeout(resolve, i * 20));
        current = await dial(machine);
        await current.hello(100 + i);
        assert.equal((await current.run(["/bin/agent", "--version"])).code, 0);
      }
      assert.deepEqual(await answer(current, op.shutdown, [[70, 2]]), [0, ""]);
      assert.equal((await machine.ended).expected, true);
    });

    test("refuses what cannot be mounted or booted, and lives on", async (t) => {
      const { host } = await boot(t, guest);
      assert.deepEqual(await answer(host, op.boot, []), [22, "boot comes after mount, once"]);
      assert.deepEqual(await answer(host, op.file, [[90, "/x"]]), [22, "files come after mount"]);
      assert.deepEqual(await answer(host, op.shutdown, [[70, 1]]), [22, "no init is running yet"]);
      assert.deepEqual(await answer(host, op.mount, []), [22, "root: no serial"]);
      assert.deepEqual(await answer(host, op.mount, [[30, "none"]]), [
        19,
        "root: no drive has the serial none",
      ]);
      assert.deepEqual(await answer(host, op.mount, [...rootDisk, [36, "10.0.2.15"]]), [
        22,
        "network: 10.0.2.15: Invalid argument",
      ]);
      const both = await Promise.all([answer(host, op.mount, rootDisk), answer(host, op.mount, rootDisk)]);
      assert.deepEqual(both, [
        [0, ""],
        [22, "mount happens once"],
      ]);
      assert.deepEqual(await answer(host, op.boot, [[60, "/no/init"]]), [
        2,
        "init: /no/init: No such file or directory",
      ]);
      assert.deepEqual(await answer(host, op.boot, [[60, "/etc/broken"]]), [
        8,
        "init: /etc/broken: Exec format error",
      ]);
      assert.equal((await host.run(["/bin/agent", "--version"])).code, 0);
    });
  });
}

const rootDisk: Fields = [[30, "root"]];
const grownSize = 256 * 2 ** 20;

async function answer(host: Peer, operation: number, entries: Fields): Promise<[number, string]> {
  const { errno, message } = readResult(await host.of(host.open(operation, entries), type.result));
  return [errno, message];
}

async function boot(t: TestContext, guest: Guest): Promise<{ machine: Machine; host: Peer }> {
  const directory = temporaryDirectory(t);
  const driver = new QemuDriver();
  t.after(async () => {
    for (const { process } of await driver.find(directory)) signalProcess(process, "SIGKILL");
  });
  const runDirectory = join(directory, "run");
  mkdirSync(runDirectory, { mode: 0o700 });
  const machine = await driver.start(
    {
      id: "0123456789ab",
      name: "bare",
      runDirectory,
      logDirectory: directory,
      consoleLog: join(directory, "console.log"),
      accelerator: "tcg",
      vcpu: 1,
      memory: 256 * 2 ** 20,
      kernel: {
        vmlinuz: guest.vmlinuz,
        initramfs: guest.initramfs,
        commandLine: guest.commandLine,
      },
      disks: [
        { serial: "root", path: rootFileSystem(directory), format: "raw", readOnly: false },
        { serial: "modules", path: guest.modules, format: "raw", readOnly: true },
      ],
    },
    detachedContext(AbortSignal.timeout(60_000)),
  );
  const host = await dial(machine);
  await host.hello(1);
  return { machine, host };
}

async function dial(machine: Machine): Promise<Peer> {
  const socket = connect(machine.agentSocket);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return new Peer(socket);
}

/** As small as a root can be; its disk is larger than its file system. */
function rootFileSystem(directory: string): string {
  const tree = join(directory, "tree");
  mkdirSync(join(tree, "bin"), { recursive: true });
  mkdirSync(join(tree, "etc"));
  copyFileSync(agentBinary, join(tree, "bin/agent"));
  chmodSync(join(tree, "bin/agent"), 0o755);
  writeFileSync(join(tree, "etc/broken"), "no program", { mode: 0o755 });
  const path = join(directory, "root.ext4");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", tree, path, "64M"], { stdio: "pipe" });
  truncateSync(path, grownSize);
  return path;
}
