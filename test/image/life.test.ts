import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ImageService } from "../../src/image/service.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { catalogEntry, FakeSource, tinyExt4 } from "./images.ts";

const context = detachedContext();
const nobody = (): string[] => [];
const somebody = (): string[] => ["dev"];

function world(t: TestContext) {
  const directory = join(temporaryDirectory(t), "images");
  const catalog = [catalogEntry("debian"), catalogEntry("other")];
  const service = new ImageService({ directory, sources: { debian: new FakeSource() }, catalog });
  return { directory, service };
}

async function make(service: ImageService, name: string, change?: (superblock: Buffer) => void) {
  return await service.make(
    name,
    async (rootfs) => {
      writeFileSync(rootfs, tinyExt4(change));
      const source = { kind: "commit", detail: "vm dev of debian" };
      return { arch: "amd64", distro: "debian", kernel: "generic-6.1", source };
    },
    context,
  );
}

async function names(service: ImageService): Promise<string[]> {
  return (await service.list()).map(({ name }) => name);
}

describe("making an image", () => {
  test("refuses a file system that was not unmounted, and leaves nothing", async (t) => {
    const { service, directory } = world(t);
    await rejectsWith(
      make(service, "mine", (block) => block.writeUInt16LE(0, 0x3a)),
      "image_file_invalid",
      /rootfs\.ext4" was not unmounted in order$/,
    );
    assert.deepEqual(readdirSync(directory), [".locks"]);
  });

  test("does not take the beginning of another image's id for a name that is taken", async (t) => {
    const { service } = world(t);
    const { id } = await service.pull("debian", context);
    const made = await make(service, id.slice(0, 5));
    assert.equal(made.name, id.slice(0, 5));
  });
});

describe("renaming an image", () => {
  test("frees the old name and keeps the id", async (t) => {
    const { service } = world(t);
    const { id } = await service.pull("debian", context);
    const renamed = await service.rename("debian", "old", context);
    assert.equal(renamed.name, "old");
    assert.equal(renamed.id, id);
    assert.equal((await service.ensure(id, context)).manifest.name, "old");
    assert.equal((await service.rename(id.slice(0, 6), "older", context)).name, "older");
    const fresh = await service.pull("debian", context);
    assert.notEqual(fresh.id, id);
    assert.deepEqual(await names(service), ["debian", "older"]);
  });

  test("is refused for a name that is taken, one that is none, and an image that is none", async (t) => {
    const { service } = world(t);
    const { id } = await service.pull("debian", context);
    await service.pull("other", context);
    await rejectsWith(
      service.rename("other", "debian", context),
      "image_exists",
      `image "debian" exists already (id ${id})`,
    );
    await rejectsWith(service.rename("debian", "a b", context), "invalid_value");
    await rejectsWith(service.rename("nothing", "x", context), "image_not_found");
    assert.deepEqual(await names(service), ["debian", "other"]);
  });

  test("that was cut off between its two files has not happened, and can be done again", async (t) => {
    const { service, directory } = world(t);
    const { id } = await service.pull("debian", context);
    await service.rename("debian", "old", context);
    const label = join(directory, id, "name");
    rmSync(label);
    writeFileSync(label, "debian\n");
    assert.equal((await service.show("debian")).problem, undefined);
    assert.equal((await service.show("debian")).name, "debian");
    assert.equal((await service.rename("debian", "older", context)).name, "older");
    assert.deepEqual(await names(service), ["older"]);
  });

  test("of one image under two names at once gives it one of them", async (t) => {
    const { service } = world(t);
    await service.pull("debian", context);
    await Promise.allSettled(["a", "b"].map((name) => service.rename("debian", name, context)));
    const [only, ...more] = await service.list();
    assert.ok(["a", "b"].includes(only?.name ?? "") && more.length === 0);
    assert.equal(only?.problem, undefined);
  });
});

describe("deleting an image that is in use by force", () => {
  test("frees its name at once, and its files after the last machine", async (t) => {
    const { service, directory } = world(t);
    const { id } = await service.pull("debian", context);
    await rejectsWith(service.remove("debian", somebody), "image_in_use");
    assert.deepEqual(await service.remove("debian", somebody, { force: true }), { id, freed: 0 });
    assert.deepEqual(await names(service), [`debian@deleted-${id}`]);
    assert.ok(existsSync((await service.ensure(id, context)).rootfs));
    await service.pull("debian", context);
    await service.sweep(somebody);
    assert.ok(existsSync(join(directory, id)));
    await service.sweep(nobody);
    assert.ok(!existsSync(join(directory, id)));
    assert.deepEqual(await names(service), ["debian"]);
  });

  test("a second time changes nothing", async (t) => {
    const { service } = world(t);
    const { id } = await service.pull("debian", context);
    await service.remove("debian", somebody, { force: true });
    await service.remove(id, somebody, { force: true });
    assert.deepEqual(await names(service), [`debian@deleted-${id}`]);
  });
});

describe("pruning images", () => {
  const all = { all: true, dryRun: false };
  const some = { all: false, dryRun: false };

  test("deletes what a pull gives again, and with all what was made here, too", async (t) => {
    const { service } = world(t);
    const { id, used } = await service.pull("debian", context);
    await make(service, "mine");
    assert.deepEqual(await service.prune(some, nobody), {
      deleted: [{ id, name: "debian", used }],
      freed: used,
      dryRun: false,
    });
    assert.deepEqual(await names(service), ["mine"]);
    assert.equal((await service.prune(all, nobody)).deleted[0]?.name, "mine");
    assert.deepEqual(await names(service), []);
  });

  test("only says so in a dry run", async (t) => {
    const { service } = world(t);
    await service.pull("debian", context);
    const { deleted, dryRun } = await service.prune({ all: false, dryRun: true }, nobody);
    assert.deepEqual([deleted[0]?.name, dryRun], ["debian", true]);
    assert.deepEqual(await names(service), ["debian"]);
  });

  test("leaves what a machine uses, and takes what is broken", async (t) => {
    const { service, directory } = world(t);
    const { id } = await service.pull("debian", context);
    const other = await service.pull("other", context);
    rmSync(join(directory, other.id, "rootfs.ext4"));
    const { deleted } = await service.prune(all, (of) => (of === id ? ["dev"] : []));
    assert.deepEqual(
      deleted.map(({ name }) => name),
      ["other"],
    );
    assert.deepEqual(await names(service), ["debian"]);
  });
});

test("a manifest keeps the name that counts, not the one that was meant", async (t) => {
  const { service, directory } = world(t);
  const { id } = await service.pull("debian", context);
  await service.rename("debian", "old", context);
  const manifest = JSON.parse(readFileSync(join(directory, id, "manifest.json"), "utf8"));
  assert.deepEqual([manifest.name, manifest.renamedFrom], ["old", "debian"]);
});
