import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ImageService } from "../../../src/image/service.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { chunked, gather } from "../../archive/support.ts";
import { rejectsWith } from "../../support/faults.ts";
import { atEveryStep } from "../../support/power-cut.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { catalogEntry, FakeSource } from "../images.ts";
import { bundleOf, fakeExt4, sha256 } from "./support.ts";

const context = detachedContext();
const disk = fakeExt4(Buffer.alloc(300_000, 3));

async function world(t: TestContext) {
  const folder = temporaryDirectory(t);
  const directory = join(folder, "images");
  const service = another(directory);
  const bundle = await bundleOf(disk, join(folder, "disk"));
  return { folder, directory, service, bundle };
}

function another(directory: string): ImageService {
  return new ImageService({
    directory,
    sources: { debian: new FakeSource() },
    catalog: [catalogEntry("debian")],
  });
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => name !== ".locks") : [];
}

describe("loading a bundle", () => {
  test("makes an image of it with an id of its own that says where it came from", async (t) => {
    const { service, directory, bundle } = await world(t);
    const image = await service.load(chunked(bundle, 1000), context);
    assert.notEqual(image.id, "0123456789ab");
    assert.equal(image.name, "dev");
    assert.equal(image.kernel, "generic-6.1");
    assert.deepEqual(image.config, { env: ["A=b"], entrypoint: [], cmd: ["sh"] });
    assert.deepEqual(image.source, {
      kind: "bundle",
      detail: "dev (0123456789ab), which came from debian: bookworm",
    });
    assert.equal(image.rootfs?.sha256, sha256(disk));
    const { rootfs } = await service.ensure("dev", context);
    assert.ok(readFileSync(rootfs).equals(disk));
    await service.verify("dev", context.signal);
    assert.deepEqual(entries(directory), [image.id]);
  });

  test("takes a name and a kernel that were asked for", async (t) => {
    const { service, bundle } = await world(t);
    const image = await service.load(chunked(bundle, 1000), context, { name: "mine", kernel: "own" });
    assert.equal(image.name, "mine");
    assert.equal(image.kernel, "own");
  });

  test("refuses a name that is taken or none, and leaves the image that has it", async (t) => {
    const { service, folder, directory, bundle } = await world(t);
    const { id } = await service.load(chunked(bundle, 1000), context);
    const taken = `image "dev" exists already (id ${id})`;
    await rejectsWith(service.load(chunked(bundle, 1000), context), "image_exists", taken);
    await rejectsWith(service.load(chunked(bundle, 1000), context, { name: "dev" }), "image_exists", taken);
    await rejectsWith(service.load(chunked(bundle, 1000), context, { name: "../x" }), "invalid_value");
    const evil = await bundleOf(disk, join(folder, "disk"), { name: "../../x" });
    await rejectsWith(service.load(chunked(evil, 1000), context), "invalid_value");
    assert.deepEqual(entries(directory), [id]);
  });

  test("leaves nothing of a bundle that is damaged", async (t) => {
    const { service, directory, bundle } = await world(t);
    const half = bundle.subarray(0, bundle.length - 20);
    await rejectsWith(service.load(chunked(half, 1000), context), "archive_truncated");
    assert.deepEqual(entries(directory), []);
  });

  test("leaves nothing when it is cancelled, and can be done again", async (t) => {
    const { service, directory, bundle } = await world(t);
    const abort = new AbortController();
    async function* slowly(): AsyncGenerator<Buffer> {
      yield bundle.subarray(0, bundle.length - 10);
      abort.abort();
      yield bundle.subarray(-10);
    }
    await rejectsWith(service.load(slowly(), detachedContext(abort.signal)), "interrupted");
    assert.deepEqual(entries(directory), []);
    await service.load(chunked(bundle, 1000), context);
  });

  test("by two at once makes one image", async (t) => {
    const { service, directory, bundle } = await world(t);
    const both = [service, another(directory)].map((one) => one.load(chunked(bundle, 1000), context));
    const outcomes = await Promise.allSettled(both);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal(entries(directory).length, 1);
  });

  test("killed at any step leaves nothing or the whole image, and can be done again", async (t) => {
    const { folder, bundle } = await world(t);
    const directoryOf = (step: number): string => join(folder, `images${step}`);
    const steps = await atEveryStep(
      async (step) => () => another(directoryOf(step)).load(chunked(bundle, 1000), context),
      async (step) => {
        const next = another(directoryOf(step));
        await next.removeLeftovers();
        const [image] = await next.list();
        assert.equal(entries(directoryOf(step)).length, image ? 1 : 0);
        if (image) assert.equal((await next.verify("dev", context.signal)).problem, undefined);
        else assert.equal((await next.load(chunked(bundle, 1000), context)).name, "dev");
      },
    );
    assert.ok(steps >= 12, `${steps} steps`);
  });
});

describe("saving an image", () => {
  test("gives the bundle that makes the same image", async (t) => {
    const { service, folder, bundle } = await world(t);
    const first = await service.load(chunked(bundle, 1000), context);
    const saved = await gather(await service.save("dev", context));
    const other = another(join(folder, "others"));
    const second = await other.load(chunked(saved, 1000), context);
    assert.deepEqual(second.rootfs?.sha256, first.rootfs?.sha256);
    const { rootfs } = await other.ensure("dev", context);
    assert.ok(readFileSync(rootfs).equals(disk));
  });

  test("refuses one that is not there, or broken, before the first byte", async (t) => {
    const { service, directory, bundle } = await world(t);
    await rejectsWith(service.save("dev", context), "image_not_found");
    const { id } = await service.load(chunked(bundle, 1000), context);
    const path = join(directory, id, "rootfs.ext4");
    const changed = Buffer.from(disk);
    changed[5000] = 4;
    const { rootfs } = await service.show("dev");
    chmodSync(path, 0o600);
    writeFileSync(path, changed);
    utimesSync(path, (rootfs?.mtime ?? 0) / 1000, (rootfs?.mtime ?? 0) / 1000);
    const problem = `its rootfs.ext4 has SHA-256 ${sha256(changed)}, expected ${sha256(disk)}`;
    await rejectsWith(
      service.save("dev", context),
      "image_broken",
      `the local image "dev" is broken: ${problem}`,
    );
  });

  test("stops when it is cancelled", async (t) => {
    const { service, bundle } = await world(t);
    await service.load(chunked(bundle, 1000), context);
    await rejectsWith(
      service.save("dev", detachedContext(AbortSignal.abort())),
      "interrupted",
      "reading the image was cancelled",
    );
    const abort = new AbortController();
    const pieces = await service.save("dev", detachedContext(abort.signal));
    abort.abort();
    await rejectsWith(gather(pieces), "interrupted", "compressing was cancelled");
  });
});
