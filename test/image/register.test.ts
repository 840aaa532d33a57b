import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { inspectExt4 } from "../../src/image/ext4/inspect.ts";
import { ImageService } from "../../src/image/service.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { FakeSource, tinyExt4 } from "./images.ts";

const context = detachedContext();
const nobody = (): string[] => [];
const { signal } = new AbortController();

function world(t: TestContext) {
  const directory = join(temporaryDirectory(t), "images");
  const service = new ImageService({ directory, sources: { debian: new FakeSource() }, catalog: [] });
  const path = join(temporaryDirectory(t), "disk.ext4");
  writeFileSync(path, tinyExt4());
  return { directory, service, path };
}

describe("a file of the user's own", () => {
  test("is used where it is, and looked at again when its time has changed", async (t) => {
    const { service, path } = world(t);
    const image = await service.register("disk", { path }, context);
    assert.equal(image.rootfs?.path, path);
    assert.deepEqual([image.init, image.kernel], ["/sbin/init", "generic-6.1"]);
    assert.deepEqual(image.source, { kind: "file", detail: path });
    assert.equal((await service.ensure("disk", context)).rootfs, path);
    utimesSync(path, 1000, 1000);
    const { manifest } = await service.ensure("disk", context);
    assert.equal(manifest.rootfs.sha256, image.rootfs?.sha256);
    assert.equal((await service.show("disk")).rootfs?.mtime, 1_000_000);
  });

  test("is broken when its content has changed, when it is cut off, and when it is gone", async (t) => {
    const { service, path } = world(t);
    await service.register("disk", { path }, context);
    const changed = tinyExt4();
    changed.writeUInt8(1, 60_000);
    writeFileSync(path, changed);
    await rejectsWith(service.ensure("disk", context), "image_broken", /has SHA-256 .*, expected /);
    writeFileSync(path, "x");
    assert.equal((await service.show("disk")).problem, `its ${path} has 1 bytes, expected 65536`);
    rmSync(path);
    assert.equal((await service.show("disk")).problem, `it has no ${path}`);
    await service.remove("disk", nobody);
  });

  test("is refused when it is no file system, was not unmounted, or is not there", async (t) => {
    const { service, path } = world(t);
    writeFileSync(
      path,
      tinyExt4((block) => block.writeUInt16LE(0, 0x3a)),
    );
    const dirty = `"${path}" was not unmounted in order; let e2fsck put it right first`;
    await rejectsWith(service.register("disk", { path }, context), "image_file_invalid", dirty);
    writeFileSync(path, "not one");
    await rejectsWith(service.register("disk", { path }, context), "image_file_invalid");
    rmSync(path);
    await rejectsWith(service.register("disk", { path }, context), "image_file_missing");
    await rejectsWith(service.register("a b", { path: "/" }, context), "invalid_value");
    assert.deepEqual(await service.list(), []);
  });

  test("has no size and no owner to choose", async (t) => {
    const { service, path } = world(t);
    const message = `${path} is a file and used as it is: there is no --size and --owner`;
    await rejectsWith(service.register("disk", { path, owner: "0" }, context), "bad_usage", message);
  });

  test("may go when the image was promoted", async (t) => {
    const { service, path } = world(t);
    const { id } = await service.register("disk", { path, init: "" }, context);
    const bound = 'the file of image "disk" is where dev found it, and must stay there';
    await rejectsWith(
      service.promote("disk", () => ["dev"], context),
      "image_bound",
      bound,
    );
    const promoted = await service.promote("disk", nobody, context);
    rmSync(path);
    assert.deepEqual([promoted.id, promoted.rootfs?.path], [id, undefined]);
    assert.equal((await service.verify("disk", signal)).problem, undefined);
    assert.equal((await service.promote("disk", nobody, context)).id, id);
  });

  test("is not promoted when it is not what it was", async (t) => {
    const { service, path } = world(t);
    await service.register("disk", { path }, context);
    const changed = tinyExt4();
    changed.writeUInt8(1, 60_000);
    writeFileSync(path, changed);
    await rejectsWith(service.promote("disk", nobody, context), "image_broken");
    assert.equal((await service.show("disk")).rootfs?.path, path);
  });
});

describe("a directory of the user's own", () => {
  test("becomes a file system with its own init", async (t) => {
    const { service } = world(t);
    const tree = temporaryDirectory(t);
    mkdirSync(join(tree, "sbin"));
    mkdirSync(join(tree, "etc"));
    writeFileSync(join(tree, "sbin", "init"), "#!/bin/sh\n");
    chmodSync(join(tree, "sbin", "init"), 0o755);
    writeFileSync(join(tree, "etc", "os-release"), "ID=mine\n");
    symlinkSync("init", join(tree, "sbin", "link"));
    const image = await service.register("tree", { path: tree, owner: "0:0" }, context);
    assert.deepEqual([image.init, image.distro, image.rootfs?.path], ["/sbin/init", "mine", undefined]);
    assert.deepEqual(image.source, { kind: "directory", detail: tree });
    const { rootfs } = await service.ensure("tree", context);
    assert.equal((await inspectExt4(rootfs)).clean, true);
  });

  test("needs an owner that is one", async (t) => {
    const { service } = world(t);
    const request = { path: temporaryDirectory(t), owner: "root" };
    const message = '--owner is "root", expected UID or UID:GID, as numbers';
    await rejectsWith(service.register("tree", request, context), "invalid_value", message);
    assert.deepEqual(await service.list(), []);
  });
});
