import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { detachedContext } from "../../src/lib/context.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { readCpio } from "../archive/cpio-reader.ts";
import { rejectsWith } from "../support/faults.ts";
import { fakeVmlinuz, kernelFiles, makeDeb } from "./support/kernel-package.ts";
import { listening, release, setUp } from "./support/set-up.ts";

const context = detachedContext();
const image = `linux-image-${release}`;
const onePull = ["select bookworm", `fetch ${image} 6.1.5-1`, `discard ${image} 6.1.5-1`];

/** What is in a directory but for locks. */
const contentOf = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory).filter((name) => !name.endsWith(".lock")) : [];

describe("a kernel that a machine needs", () => {
  test("is used when it is local, and nothing is fetched", async (t) => {
    const { service, archive, another } = await setUp(t);
    const pulled = await service.ensure("generic-6.1", context);
    archive.asked.length = 0;
    const { events, context: heard } = listening();
    assert.deepEqual(await service.ensure("generic-6.1", heard), pulled);
    assert.deepEqual(await another().ensure("generic-6.1", heard), pulled);
    assert.deepEqual(archive.asked, []);
    assert.deepEqual(events, []);
  });

  test("is used when it is local although the catalog does not have it", async (t) => {
    const { service, archive, another } = await setUp(t);
    await service.ensure("generic-6.1", context);
    archive.asked.length = 0;
    const offline = another({ catalog: [] });
    assert.equal((await offline.ensure("generic-6.1", context)).name, "generic-6.1");
    assert.deepEqual(archive.asked, []);
  });

  test("is pulled once when the catalog has it, and that is said", async (t) => {
    const { service, archive } = await setUp(t);
    const { events, context: heard } = listening();
    const manifest = await service.ensure("generic-6.1", heard);
    assert.equal(manifest.release, release);
    assert.deepEqual(archive.asked, onePull);
    const message = "pulling generic-6.1 from the kernel catalog";
    assert.deepEqual(events[0], { stage: "kernel.pull", state: "started", message });
    const bytes = events.find(({ state }) => state === "progress");
    assert.equal(bytes?.stage, "kernel.pull");
    assert.equal(bytes?.message, message);
    assert.equal(bytes?.unit, "bytes");
    const last = events.at(-1);
    assert.deepEqual([last?.stage, last?.state, last?.message], ["kernel.pull", "done", message]);
  });

  test("in neither place is not found, naming it and what there is", async (t) => {
    const { service, archive, kernels } = await setUp(t);
    const { events, context: heard } = listening();
    const error = await rejectsWith(
      service.ensure("linux-7", heard),
      "kernel_not_found",
      'kernel "linux-7" not found',
    );
    assert.equal(error.exit, 1);
    assert.equal(
      error.remedy,
      "Use one of: generic-6.1 and generic-6.12 (see `banger kernel list --available`)",
    );
    assert.deepEqual(archive.asked, []);
    assert.deepEqual(events, []);
    assert.deepEqual(contentOf(kernels), []);
  });

  for (const [what, breakIt] of [
    ["without a manifest", (path: string) => rmSync(join(path, "manifest.json"))],
    ["with a manifest cut off", (path: string) => writeFileSync(join(path, "manifest.json"), '{"ver')],
    ["with another's manifest", (path: string) => rename(path, "generic-6.12")],
    ["with another kernel inside", (path: string) => writeFileSync(join(path, "vmlinuz"), fakeVmlinuz("x"))],
    ["without its modules", (path: string) => rmSync(join(path, "modules.ext4"))],
  ] as const) {
    test(`that is local, but ${what}, is that error; nothing is fetched over it`, async (t) => {
      const { service, archive, kernels } = await setUp(t);
      await service.ensure("generic-6.1", context);
      const path = join(kernels, "generic-6.1");
      breakIt(path);
      const before = contentOf(path);
      archive.asked.length = 0;
      for (const attempt of [
        () => service.ensure("generic-6.1", context),
        () => service.pull("generic-6.1", { force: false }, context),
        () => service.show("generic-6.1"),
        () => service.bootFiles("generic-6.1", context),
      ]) {
        const error = await rejectsWith(
          attempt,
          "kernel_broken",
          /^the local kernel "generic-6\.1" is broken: /,
        );
        assert.doesNotMatch(`${error.message} ${error.causes.join(" ")}`, /not found|catalog/);
      }
      assert.deepEqual(archive.asked, []);
      assert.deepEqual(contentOf(path), before);
    });
  }

  test("is fetched once for all who want it at the same time", async (t) => {
    const { service, archive } = await setUp(t);
    const all = [1, 2, 3, 4, 5].map(() => service.ensure("generic-6.1", context));
    const manifests = await Promise.all(all);
    assert.equal(new Set(manifests).size, 1);
    assert.deepEqual(archive.asked, onePull);
  });

  test("is fetched once by two processes at the same time", async (t) => {
    const { service, archive, another } = await setUp(t);
    const [first, second] = await Promise.all([
      service.ensure("generic-6.1", context),
      another().ensure("generic-6.1", context),
    ]);
    assert.deepEqual(first, second);
    assert.deepEqual(archive.asked, onePull);
  });

  test("goes on coming for the others when one of them is cancelled", async (t) => {
    const { service, archive } = await setUp(t);
    const { promise: open, resolve } = Promise.withResolvers<void>();
    archive.gate = () => open;
    const controller = new AbortController();
    const cancelled = service.ensure("generic-6.1", detachedContext(controller.signal));
    const kept = service.ensure("generic-6.1", context);
    while (archive.asked.length < 2) await new Promise((next) => setImmediate(next));
    controller.abort();
    await rejectsWith(cancelled, "interrupted");
    resolve();
    assert.equal((await kept).name, "generic-6.1");
    assert.deepEqual(archive.asked, onePull);
  });

  test("is given up when the last one is cancelled, and leaves nothing", async (t) => {
    const { service, archive, kernels } = await setUp(t);
    const controller = new AbortController();
    archive.gate = async () => controller.abort();
    await rejectsWith(service.ensure("generic-6.1", detachedContext(controller.signal)), "interrupted");
    archive.gate = async () => undefined;
    // Asking again waits for the clean-up of the first.
    assert.equal((await service.ensure("generic-6.1", context)).name, "generic-6.1");
    assert.deepEqual(contentOf(kernels), ["generic-6.1"]);
  });

  test("leaves nothing when its pull fails, and the error is the archive's own", async (t) => {
    const { service, archive, kernels } = await setUp(t);
    archive.gate = async () => {
      throw fault("archive_bad_hash", { url: "http://mirror/x", expected: "a", actual: "b" });
    };
    await rejectsWith(service.ensure("generic-6.1", context), "archive_bad_hash");
    archive.packages.clear();
    await rejectsWith(service.ensure("generic-6.1", context), "archive_unreachable");
    assert.deepEqual(contentOf(kernels), []);
  });

  test("leaves nothing when its package is no kernel", async (t) => {
    const { service, archive, kernels } = await setUp(t);
    archive.packages.clear();
    archive.add("bookworm", "linux-image-cloud-amd64", "2", { depends: `${image} (= 2)` });
    archive.add("bookworm", image, "2", { content: await makeDeb({ "etc/motd": "hello" }) });
    await rejectsWith(
      service.ensure("generic-6.1", context),
      "kernel_unusable",
      'kernel "generic-6.1" cannot be used: its package holds no boot/vmlinuz',
    );
    assert.deepEqual(contentOf(kernels), []);
  });

  for (const [what, options] of [
    ["depmod", { depmod: () => Promise.reject(fault("tool_missing", { tool: "depmod", package: "kmod" })) }],
    [
      "the modules drive",
      { writeModules: () => Promise.reject(fault("tool_missing", { tool: "depmod", package: "kmod" })) },
    ],
  ] as const) {
    test(`leaves nothing when ${what} fails`, async (t) => {
      const { service, kernels } = await setUp(t, options);
      await rejectsWith(service.ensure("generic-6.1", context), "tool_missing");
      assert.deepEqual(contentOf(kernels), []);
    });
  }

  test("leaves nothing when the disk is full, and says that", async (t) => {
    const full = Object.assign(new RangeError("write"), { code: "ENOSPC" });
    const { service, kernels } = await setUp(t, { writeModules: () => Promise.reject(full) });
    const error = await rejectsWith(
      service.ensure("generic-6.1", context),
      "no_space",
      `no space left at "${join(kernels, "generic-6.1")}" while making generic-6.1`,
    );
    assert.equal(error.cause, full);
    assert.deepEqual(contentOf(kernels), []);
  });

  test("is complete, with all modules, and nothing else", async (t) => {
    const { service, kernels } = await setUp(t);
    const manifest = await service.ensure("generic-6.1", context);
    const path = join(kernels, "generic-6.1");
    assert.deepEqual(contentOf(path), ["manifest.json", "modules.cpio", "modules.ext4", "vmlinuz"]);
    assert.deepEqual(JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")), manifest);
    assert.equal(manifest.source, `${image} 6.1.5-1`);
    const drive = readFileSync(join(path, "modules.ext4"), "utf8");
    assert.match(drive, /^file kernel\/virtio_net\.ko 644 \x7fELF module virtio_net$/m);
    assert.match(drive, /^file modules\.dep 644 /m);
    const boot = readCpio(readFileSync(join(path, "modules.cpio"))).map((entry) => entry.path);
    assert.ok(boot.includes("etc/modules.load") && boot.includes("lib/modules/virtio_blk.ko"));
  });
});

describe("pulling a kernel", () => {
  test("shows it", async (t) => {
    const { service } = await setUp(t);
    const kernel = await service.pull("generic-6.12", { force: false }, context);
    assert.equal(kernel.name, "generic-6.12");
    assert.deepEqual(await service.list(), [kernel]);
    assert.deepEqual(await service.show("generic-6.12"), kernel);
  });

  test("that is local is refused, and nothing is fetched", async (t) => {
    const { service, archive } = await setUp(t);
    await service.pull("generic-6.1", { force: false }, context);
    archive.asked.length = 0;
    await rejectsWith(
      service.pull("generic-6.1", { force: false }, context),
      "kernel_exists",
      'kernel "generic-6.1" exists already',
    );
    assert.deepEqual(archive.asked, []);
  });

  test("that the catalog does not have is not found", async (t) => {
    const { service } = await setUp(t);
    await rejectsWith(service.pull("x", { force: false }, context), "kernel_not_found");
    await rejectsWith(service.pull("x", { force: true }, context), "kernel_not_found");
    await rejectsWith(service.pull("../x", { force: true }, context), "invalid_value");
  });

  for (const state of ["good", "broken"] as const) {
    test(`by force replaces a ${state} one`, async (t) => {
      const { service, archive, kernels } = await setUp(t);
      await service.pull("generic-6.1", { force: false }, context);
      if (state === "broken") writeFileSync(join(kernels, "generic-6.1/manifest.json"), "");
      archive.add("bookworm", "linux-image-cloud-amd64", "6.1.9-1", { depends: `${image} (= 6.1.9-1)` });
      archive.add("bookworm", image, "6.1.9-1", { content: await makeDeb(kernelFiles(release)) });
      const kernel = await service.pull("generic-6.1", { force: true }, context);
      assert.equal(kernel.source, `${image} 6.1.9-1`);
      assert.deepEqual(contentOf(kernels), ["generic-6.1"]);
    });
  }

  test("by force keeps the old one when it fails", async (t) => {
    const { service, archive, kernels } = await setUp(t);
    const old = await service.pull("generic-6.1", { force: false }, context);
    archive.gate = async () => {
      throw fault("archive_unreachable", { url: "http://mirror/x", reason: "connection refused" });
    };
    await rejectsWith(service.pull("generic-6.1", { force: true }, context), "archive_unreachable");
    assert.deepEqual(await service.show("generic-6.1"), old);
    assert.deepEqual(contentOf(kernels), ["generic-6.1"]);
  });

  test("works after a process was killed in the middle of it", async (t) => {
    const { service, kernels } = await setUp(t);
    mkdirSync(join(kernels, ".generic-6.1.staging-0123456789ab/tree/lib"), { recursive: true });
    await service.pull("generic-6.1", { force: false }, context);
    assert.deepEqual(contentOf(kernels), ["generic-6.1"]);
  });
});

describe("the kernels", () => {
  test("are listed in order, broken ones with their problem", async (t) => {
    const { service, kernels } = await setUp(t);
    assert.deepEqual(await service.list(), []);
    await service.pull("generic-6.12", { force: false }, context);
    mkdirSync(join(kernels, "bad"));
    const [bad, good, ...rest] = await service.list();
    assert.deepEqual(
      { ...bad, used: 0 },
      { version: 1, name: "bad", arch: "amd64", used: 0, problem: "it has no manifest.json" },
    );
    assert.equal(good?.name, "generic-6.12");
    assert.equal(good?.problem, undefined);
    assert.deepEqual(rest, []);
  });

  test("of the catalog are shown with what is local of them", async (t) => {
    const { service, kernels } = await setUp(t);
    const states = async (): Promise<string[]> =>
      (await service.available()).map(({ name, state }) => `${name} ${state}`);
    assert.deepEqual(await states(), ["generic-6.1 available", "generic-6.12 available"]);
    await service.pull("generic-6.1", { force: false }, context);
    mkdirSync(join(kernels, "generic-6.12"));
    assert.deepEqual(await states(), ["generic-6.1 local", "generic-6.12 broken"]);
  });

  test("that are not there cannot be shown, booted or removed", async (t) => {
    const { service } = await setUp(t);
    for (const attempt of [
      () => service.show("generic-6.1"),
      () => service.bootFiles("generic-6.1", context),
      () => service.remove("generic-6.1"),
    ]) {
      await rejectsWith(attempt, "kernel_not_found", 'kernel "generic-6.1" not found');
    }
  });

  test("can be removed, and pulled again", async (t) => {
    const { service, kernels } = await setUp(t);
    await service.pull("generic-6.1", { force: false }, context);
    const { name, freed } = await service.remove("generic-6.1");
    assert.equal(name, "generic-6.1");
    assert.ok(freed > 0);
    assert.deepEqual(contentOf(kernels), []);
    assert.equal((await service.ensure("generic-6.1", context)).name, "generic-6.1");
  });
});

describe("what a machine boots", () => {
  test("is the kernel, an initramfs with the agent, and the modules drive", async (t) => {
    const { service, kernels } = await setUp(t);
    await service.ensure("generic-6.1", context);
    const boot = await service.bootFiles("generic-6.1", context);
    const path = join(kernels, "generic-6.1");
    assert.equal(boot.release, release);
    assert.equal(boot.vmlinuz, join(path, "vmlinuz"));
    assert.equal(boot.modules, join(path, "modules.ext4"));
    const initramfs = readFileSync(boot.initramfs);
    assert.ok(initramfs.includes("the agent"));
    const own = readFileSync(join(path, "modules.cpio"));
    assert.deepEqual(initramfs.subarray(-own.length), own);
  });

  test("is not prepared when that is cancelled", async (t) => {
    const { service } = await setUp(t);
    await service.ensure("generic-6.1", context);
    await rejectsWith(
      service.bootFiles("generic-6.1", detachedContext(AbortSignal.abort())),
      "interrupted",
      "preparing the kernel generic-6.1 was cancelled",
    );
  });
});

function rename(path: string, name: string): void {
  const file = join(path, "manifest.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), name }));
}
