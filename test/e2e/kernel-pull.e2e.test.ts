import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DebianArchive } from "../../src/debian/archive.ts";
import { writeModulesDrive } from "../../src/image/modules-drive.ts";
import { KernelService } from "../../src/kernel/service.ts";
import type { Progress } from "../../src/lib/context.ts";
import { configSchema } from "../../src/model/config.ts";
import { readCpio } from "../archive/cpio-reader.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** The catalog's kernels out of Debian's real archive, checked with e2fsprogs. */
const debugfs = spawnSync("debugfs", ["-V"]).status === 0;

function setUp(t: TestContext) {
  const folder = temporaryDirectory(t);
  const { mirror, security_mirror: securityMirror } = configSchema.parse({}).archive;
  const downloads = join(folder, "downloads");
  const archive = new DebianArchive({ mirror, securityMirror, downloads });
  t.after(() => archive.close());
  const agentBinary = join(folder, "agent");
  writeFileSync(agentBinary, "the agent");
  const directory = join(folder, "kernels");
  const cache = join(folder, "cache");
  const service = new KernelService({
    directory,
    cache,
    archive,
    agentBinary,
    writeModules: writeModulesDrive,
  });
  const events: Progress[] = [];
  const context = { signal: AbortSignal.timeout(300_000), report: (event: Progress) => events.push(event) };
  return { service, context, events, directory, downloads };
}

function onDrive(drive: string, command: string): string {
  return spawnSync("debugfs", ["-R", command, drive], { maxBuffer: 1 << 26 }).stdout.toString();
}

describe("a kernel from Debian's archive", () => {
  for (const { name, suffix, release, before } of [
    { name: "generic-6.1", suffix: ".ko", release: /^6\.1\.\d.*-cloud-amd64$/, before: "virtio_console.ko" },
    { name: "generic-6.12", suffix: ".ko.xz", release: /^6\.12\.\d.*-cloud-amd64$/, before: "" },
  ]) {
    test(`${name} is pulled, complete and right`, async (t) => {
      const { service, context, events, directory, downloads } = setUp(t);
      const manifest = await service.ensure(name, context);
      assert.match(manifest.release, release);
      assert.ok(events.some(({ stage, state }) => stage === "kernel.pull" && state === "progress"));
      const path = join(directory, name);
      const present = ["manifest.json", "modules.cpio", "modules.ext4", "vmlinuz"];
      assert.deepEqual(readdirSync(path).sort(), present);
      assert.deepEqual(
        readdirSync(downloads).filter((file) => file.endsWith(".deb") || file.endsWith(".part")),
        [],
      );

      const boot = readCpio(readFileSync(join(path, "modules.cpio")));
      const list = boot.find((entry) => entry.path === "etc/modules.load")?.content.toString() ?? "";
      const [channel = "", disks = "", network = ""] = list.split("--\n");
      assert.ok(channel.endsWith(before === "" ? "" : `${before}\n`));
      assert.match(disks, /virtio_blk\.ko\n$/);
      assert.match(network, /virtio_net\.ko\n$/);
      for (const module of boot.filter((entry) => entry.path.endsWith(".ko"))) {
        assert.equal(module.content.toString("latin1", 0, 4), "\x7fELF", module.path);
      }

      const drive = join(path, "modules.ext4");
      if (debugfs) {
        const check = spawnSync("e2fsck", ["-fn", drive]);
        assert.equal(check.status, 0, String(check.stdout));
        const root = onDrive(drive, "ls -l /");
        for (const file of ["kernel", "modules.dep.bin", "modules.alias.bin", "modules.builtin"]) {
          assert.match(root, new RegExp(` ${file.replaceAll(".", "\\.")}$`, "m"));
        }
        const dep = onDrive(drive, "cat modules.dep");
        for (const module of ["overlay", "veth", "bridge", "nf_tables"]) {
          assert.ok(dep.includes(`/${module}${suffix}:`), module);
        }
      }

      const files = await service.bootFiles(name, context);
      for (const file of [files.vmlinuz, files.initramfs, files.modules]) assert.ok(statSync(file).size > 0);

      events.length = 0;
      assert.deepEqual(await service.ensure(name, context), manifest);
      assert.deepEqual(events, []);
      assert.ok((await service.remove(name)).freed > 10_000_000);
      assert.equal(existsSync(path), false);
    });
  }
});
