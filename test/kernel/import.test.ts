import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { rejectsWith } from "../support/faults.ts";
import { atEveryStep } from "../support/power-cut.ts";
import { fakeBzImage, fakeVmlinux, fullConfig, ownRelease, without } from "./support/own-kernel.ts";
import { listening, setUp } from "./support/set-up.ts";

const drivers = ["VIRTIO_PCI", "VIRTIO_CONSOLE", "VIRTIO_BLK", "EXT4_FS", "VIRTIO_NET"];
const modular = without(fullConfig, ...drivers) + drivers.map((name) => `CONFIG_${name}=m\n`).join("");
const dependencies = `kernel/virtio.ko:
kernel/virtio_pci.ko: kernel/virtio.ko
kernel/virtio_console.ko: kernel/virtio.ko
kernel/virtio_blk.ko: kernel/virtio.ko
kernel/virtio_net.ko: kernel/virtio.ko
kernel/ext4.ko:
`;

async function world(t: TestContext) {
  const host = await setUp(t);
  const put = (path: string, content: string | Buffer): string => {
    const whole = join(host.folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content);
    return whole;
  };
  /** A directory of modules for a release. */
  const modules = (path: string, release: string): string => {
    put(`${path}/modules.dep`, dependencies);
    put(`${path}/modules.builtin`, "");
    for (const name of [
      "virtio",
      "virtio_ring",
      "virtio_pci",
      "virtio_console",
      "virtio_blk",
      "virtio_net",
      "ext4",
    ]) {
      put(`${path}/kernel/${name}.ko`, `\x7fELF ${name}\0vermagic=${release} SMP mod_unload \0`);
    }
    return join(host.folder, path);
  };
  return { ...host, put, modules };
}

const notes = (events: { state: string; message: string }[]): string[] =>
  events.filter(({ state }) => state === "note").map(({ message }) => message);

describe("importing a kernel", () => {
  test("with everything built in gives one that boots without modules", async (t) => {
    const { service, put } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    const { context, events } = listening();
    const kernel = await service.import({ name: "mine", from, force: false }, context);
    assert.equal(kernel.release, ownRelease);
    assert.equal(kernel.source, `${from} (ELF image)`);
    assert.equal(kernel.warnings, undefined);
    assert.deepEqual(notes(events), []);
    const files = await service.bootFiles("mine", context);
    assert.equal(files.release, ownRelease);
    assert.ok(readFileSync(files.vmlinuz).equals(readFileSync(from)));
    assert.match(readFileSync(files.initramfs, "latin1"), /etc\/modules\.load\0+--\n--\n\0/);
    assert.equal((await service.ensure("mine", context)).name, "mine");
  });

  test("takes what the initramfs needs of its modules, and all of them for the drive", async (t) => {
    const { service, put, modules } = await world(t);
    const from = put("boot/vmlinuz", fakeBzImage(Buffer.from("BZh9....")));
    const config = put("the.config", modular);
    const request = { name: "mine", from, config, modules: modules("lib/own", ownRelease), force: false };
    const { context } = listening();
    await service.import(request, context);
    const files = await service.bootFiles("mine", context);
    const list =
      "virtio.ko\nvirtio_pci.ko\nvirtio_console.ko\n--\nvirtio_blk.ko\next4.ko\n--\nvirtio_net.ko\n";
    assert.ok(readFileSync(files.initramfs, "latin1").includes(list));
    assert.match(readFileSync(files.modules, "latin1"), /file kernel\/virtio_net\.ko 644/);
  });

  test("runs depmod on a copy when the modules have no list, and leaves theirs alone", async (t) => {
    const { service, put, modules, folder } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    const directory = modules("lib/own", ownRelease);
    rmSync(join(directory, "modules.dep"));
    const { context } = listening();
    await service.import({ name: "mine", from, modules: directory, force: false }, context);
    assert.deepEqual(readdirSync(join(folder, "lib/own")).sort(), ["kernel", "modules.builtin"]);
    const { modules: drive } = await service.bootFiles("mine", context);
    assert.match(readFileSync(drive, "latin1"), /file modules\.dep 644/);
  });

  test("refuses one that no machine boots with, naming everything that is missing", async (t) => {
    const { service, put, kernels } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: without(fullConfig, "VIRTIO_BLK", "DEVTMPFS") }));
    await rejectsWith(
      service.import({ name: "mine", from, force: false }, listening().context),
      "kernel_unusable",
      'kernel "mine" cannot be used: it has no CONFIG_DEVTMPFS: /dev is one; it has no CONFIG_VIRTIO_BLK: disks are of this kind',
    );
    assert.deepEqual(readdirSync(kernels), [".mine.lock"]);
  });

  test("notes what its machines will lack, and keeps that", async (t) => {
    const { service, put } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: without(fullConfig, "SQUASHFS") }));
    const { context, events } = listening();
    const { warnings } = await service.import({ name: "mine", from, force: false }, context);
    assert.deepEqual(warnings, ["it has no CONFIG_SQUASHFS: squashfs files cannot be mounted"]);
    assert.deepEqual(notes(events), warnings);
  });

  test("finds the configuration beside the kernel, and says when it found none", async (t) => {
    const { service, put, modules } = await world(t);
    const from = put("boot/vmlinuz", fakeBzImage(Buffer.from("BZh9....")));
    const directory = modules("lib/own", ownRelease);
    const { context, events } = listening();
    await service.import({ name: "blind", from, modules: directory, force: false }, context);
    assert.deepEqual(notes(events).slice(-2), [
      "no configuration was found (give it with --config): what it can do besides drivers was not checked",
      "its own configuration was not looked for: it is compressed with bzip2",
    ]);
    put(`boot/config-${ownRelease}`, modular);
    events.length = 0;
    await service.import({ name: "seeing", from, modules: directory, force: false }, context);
    assert.deepEqual(notes(events), []);
  });

  test("refuses modules of another kernel", async (t) => {
    const { service, put, modules } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: modular }));
    const directory = modules("lib/other", "6.8.0-other");
    await rejectsWith(
      service.import({ name: "mine", from, modules: directory, force: false }, listening().context),
      "kernel_unusable",
      `kernel "mine" cannot be used: its modules are those of 6.8.0-other, the kernel itself is ${ownRelease}`,
    );
  });

  test("refuses files that are not there or not what they should be", async (t) => {
    const { service, put, folder } = await world(t);
    const { context } = listening();
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    const base = { name: "mine", from, force: false };
    const none = join(folder, "none");
    for (const [more, message] of [
      [{ from: none }, `the file "${none}" cannot be used: there is no such file`],
      [{ modules: none }, `the file "${none}" cannot be used: there is no such file`],
      [{ modules: from }, `the file "${from}" cannot be used: it is not a directory`],
      [{ config: none }, `the file "${none}" cannot be used: there is no such file`],
      [{ config: from }, `the file "${from}" cannot be used: it is not the configuration of a kernel`],
    ] as const) {
      await rejectsWith(service.import({ ...base, ...more }, context), "file_unusable", message);
    }
    const escaping = put("escaping", fakeVmlinux({ config: fullConfig, release: "6.1/../../x" }));
    await rejectsWith(service.import({ ...base, from: escaping }, context), "kernel_unusable");
    await rejectsWith(service.import({ ...base, name: "../x" }, context), "invalid_value");
  });

  test("replaces a local one only by force", async (t) => {
    const { service, put } = await world(t);
    const { context } = listening();
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    await service.import({ name: "mine", from, force: false }, context);
    const newer = put("newer", fakeVmlinux({ config: fullConfig, release: "6.10.0" }));
    await rejectsWith(
      service.import({ name: "mine", from: newer, force: false }, context),
      "kernel_exists",
      'kernel "mine" exists already',
    );
    assert.equal((await service.show("mine")).release, ownRelease);
    await service.import({ name: "mine", from: newer, force: true }, context);
    assert.equal((await service.show("mine")).release, "6.10.0");
  });

  test("gives another initramfs when the agent or the kernel is another one", async (t) => {
    const { service, put, folder, another } = await world(t);
    const { context } = listening();
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    await service.import({ name: "mine", from, force: false }, context);
    const first = (await service.bootFiles("mine", context)).initramfs;
    assert.equal((await service.bootFiles("mine", context)).initramfs, first);
    writeFileSync(join(folder, "agent"), "a newer agent");
    const second = (await another().bootFiles("mine", context)).initramfs;
    assert.notEqual(second, first);
    assert.match(readFileSync(second, "latin1"), /a newer agent/);
  });
});

describe("a daemon that is killed at any step of", () => {
  test("an import leaves nothing or the whole kernel, and the same command succeeds", async (t) => {
    const { put, kernels, another } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    const { context } = listening();
    const request = { name: "mine", from, force: false };
    const steps = await atEveryStep(
      async () => () => another().import(request, context),
      async () => {
        const next = another();
        await next.removeLeftovers();
        const [kernel] = await next.list();
        if (kernel) assert.equal(kernel.problem, undefined);
        else await next.import(request, context);
        assert.deepEqual(readdirSync(kernels).sort(), [".mine.lock", "mine"]);
        await next.remove("mine");
      },
    );
    assert.ok(steps >= 12, `${steps} steps`);
  });

  test("a replacement by force leaves the old kernel or the new one", async (t) => {
    const { put, kernels, another } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    const newer = put("newer", fakeVmlinux({ config: fullConfig, release: "6.10.0" }));
    const { context } = listening();
    const seen = new Set<string | undefined>();
    await atEveryStep(
      async () => {
        await another().import({ name: "mine", from, force: true }, context);
        return () => another().import({ name: "mine", from: newer, force: true }, context);
      },
      async () => {
        const next = another();
        await next.removeLeftovers();
        const kernel = await next.show("mine");
        seen.add(kernel.release);
        assert.deepEqual(readdirSync(kernels).sort(), [".mine.lock", "mine"]);
      },
    );
    assert.deepEqual([...seen].sort(), ["6.10.0", ownRelease]);
  });

  test("a removal leaves the whole kernel or nothing", async (t) => {
    const { put, kernels, another } = await world(t);
    const from = put("vmlinux", fakeVmlinux({ config: fullConfig }));
    const { context } = listening();
    const steps = await atEveryStep(
      async () => {
        await another().import({ name: "mine", from, force: true }, context);
        return () => another().remove("mine");
      },
      async () => {
        const next = another();
        await next.removeLeftovers();
        const [kernel] = await next.list();
        if (kernel) assert.equal((await next.show("mine")).problem, undefined);
        assert.deepEqual(readdirSync(kernels).sort(), kernel ? [".mine.lock", "mine"] : [".mine.lock"]);
      },
    );
    assert.ok(steps >= 2, `${steps} steps`);
  });
});
