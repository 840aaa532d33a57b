import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { before, describe, type TestContext, test } from "node:test";
import type { ImageService } from "../../src/image/service.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { inParallel } from "../../src/lib/parallel.ts";
import type { Image } from "../../src/model/image.ts";
import { file } from "../archive/support.ts";
import { type MadeImage, makeImage } from "../image/oci/support/image.ts";
import { type RegistryDouble, serveRegistry } from "../image/oci/support/registry.ts";
import { blobsOf, imagesOf, makeService } from "../image/oci/support/service.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const context = detachedContext();
const program = join(import.meta.dirname, "../image/oci/support/dying-pull.ts");

let image: MadeImage;

before(async () => {
  const noise = (seed: number): Buffer =>
    Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at * seed) >> 7));
  image = await makeImage([[file("a", noise(3)), file("b", "b")], [file("c", noise(5))]]);
});

function serving(t: TestContext, interfere?: Parameters<typeof serveRegistry>[1]): Promise<RegistryDouble> {
  return serveRegistry(t, interfere).then((registry) => {
    registry.push("team/dev", "1", image);
    return registry;
  });
}

async function dyingPull(
  directory: string,
  registry: RegistryDouble,
  step: number,
): Promise<{ killed: boolean; steps: number }> {
  const args = [program, directory, `${registry.host}/team/dev:1`, `${step}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [out, [status, signal]] = await Promise.all([
    text(child.stdout),
    once(child, "close") as Promise<[number | null, string | null]>,
  ]);
  assert.ok(signal === "SIGKILL" || status === 0, `status ${status}`);
  return { killed: signal === "SIGKILL", steps: Number(out) };
}

/** What the next daemon of a directory makes of it. */
async function nextDaemon<T>(directory: string, work: (service: ImageService) => Promise<T>): Promise<T> {
  const { service, close } = makeService(directory);
  try {
    await service.removeLeftovers();
    return await work(service);
  } finally {
    close();
  }
}

/** The one image there is, checked by its hash; and nothing else is there. */
async function wholeImage(directory: string, service: ImageService): Promise<Image> {
  const list = await service.list();
  assert.deepEqual(
    list.map(({ name, problem }) => [name, problem]),
    [["it", undefined]],
  );
  const found = await service.verify("it", context.signal);
  assert.deepEqual(visible(imagesOf(directory)), [found.id]);
  const layers = (JSON.parse(image.config.bytes.toString()) as { rootfs: { diff_ids: string[] } }).rootfs
    .diff_ids;
  const wanted = layers.map((digest) => digest.slice("sha256:".length)).toSorted();
  assert.deepEqual(visible(blobsOf(directory)), wanted);
  return found;
}

function visible(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => !/^\.(lock|unpack)/.test(name))
    .toSorted();
}

describe("a pull that is killed", () => {
  test("at any step leaves all or nothing, and the same pull succeeds", async (t) => {
    const registry = await serving(t);
    const folder = temporaryDirectory(t);
    const at = (step: number): string => {
      const directory = join(folder, `${step}`);
      mkdirSync(directory);
      return directory;
    };
    const whole = at(0);
    const { steps } = await dyingPull(whole, registry, 0);
    assert.ok(steps > 25, `${steps} steps`);
    const expected = (await nextDaemon(whole, (service) => wholeImage(whole, service))).rootfs?.sha256;
    const all = Array.from({ length: steps }, (_, index) => index + 1);
    await inParallel(all, 2, context, async (step) => {
      const directory = at(step);
      const { killed } = await dyingPull(directory, registry, step);
      const found = await nextDaemon(directory, async (service) => {
        const leftovers = [...visible(imagesOf(directory)), ...visible(blobsOf(directory))];
        assert.deepEqual(
          leftovers.filter((name) => /staging|deleted|unpacking/.test(name)),
          [],
          `step ${step}`,
        );
        const list = await service.list();
        if (list.length === 0) await service.pull(`${registry.host}/team/dev:1`, context, { as: "it" });
        return await wholeImage(directory, service);
      });
      assert.equal(found.rootfs?.sha256, expected, `step ${step}`);
      // Work at once is not counted in the same order each time.
      assert.ok(killed || step > steps - 4, `step ${step}`);
    });
  });

  test("in the middle of a layer goes on where it stopped", async (t) => {
    const ranges: string[] = [];
    const large = image.layers[0];
    assert.ok(large);
    const halfway = Promise.withResolvers<void>();
    const registry = await serving(t, (request, response) => {
      if (!request.url?.endsWith(large.digest)) return false;
      if (request.headers.range) {
        ranges.push(request.headers.range);
        return false;
      }
      response.writeHead(200, { "content-length": large.size });
      response.write(large.bytes.subarray(0, large.size >> 1), () => setTimeout(halfway.resolve, 300));
      return true;
    });
    const directory = temporaryDirectory(t);
    const args = [program, directory, `${registry.host}/team/dev:1`, "0"];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    await halfway.promise;
    child.kill("SIGKILL");
    await once(child, "close");
    await nextDaemon(directory, async (service) => {
      assert.deepEqual(await service.list(), []);
      await service.pull(`${registry.host}/team/dev:1`, context, { as: "it" });
      await wholeImage(directory, service);
    });
    assert.match(ranges.join(), /^bytes=\d+-$/);
  });
});

test("two daemons that pull the same image at once both get it, and fetch each layer once", async (t) => {
  const registry = await serving(t);
  const directory = temporaryDirectory(t);
  const both = [makeService(directory), makeService(directory)];
  const ref = `${registry.host}/team/dev:1`;
  const made = await Promise.all(both.map(({ service }) => service.ensure(ref, context)));
  assert.equal(new Set(made.map(({ manifest }) => manifest.id)).size, 1);
  const other = await Promise.all(
    both.map(({ service }, index) => service.pull(ref, context, { as: `as${index}` })),
  );
  assert.equal(new Set(other.map(({ rootfs }) => rootfs?.sha256)).size, 1);
  for (const { digest } of image.layers) {
    assert.equal(registry.requests.filter((line) => line.endsWith(digest)).length, 1);
  }
  for (const { close } of both) close();
});

test("an image cannot be deleted before it is there, and one that is cancelled leaves nothing", async (t) => {
  const reached = Promise.withResolvers<void>();
  const registry = await serving(t, (request) => {
    if (!request.url?.endsWith(image.layers[1]?.digest ?? "")) return false;
    reached.resolve();
    return true;
  });
  const directory = temporaryDirectory(t);
  const { service, close } = makeService(directory);
  const stop = new AbortController();
  const pulling = service.pull(`${registry.host}/team/dev:1`, detachedContext(stop.signal), { as: "it" });
  const refused = rejectsWith(pulling, "interrupted");
  await reached.promise;
  await rejectsWith(
    service.remove("it", () => []),
    "image_not_found",
  );
  stop.abort();
  await refused;
  close();
  await nextDaemon(directory, async () => undefined);
  assert.deepEqual(
    visible(imagesOf(directory)).filter((name) => name !== ".locks"),
    [],
  );
});

test("a registry that stalls is given up, and what came is kept for the next time", async (t) => {
  let stalls = true;
  const registry = await serving(t, (request, response) => {
    if (!stalls || !request.url?.endsWith(image.layers[0]?.digest ?? "")) return false;
    response.writeHead(200, { "content-length": image.layers[0]?.size ?? 0 });
    response.write(image.layers[0]?.bytes.subarray(0, 1000));
    return true;
  });
  const directory = temporaryDirectory(t);
  const { service, close } = makeService(directory, { stallTimeout: 100 });
  const ref = `${registry.host}/team/dev:1`;
  const message = `the registry "${registry.host}" cannot be used: nothing came for 0.1 s`;
  await rejectsWith(service.pull(ref, context, { as: "it" }), "registry_unreachable", message);
  assert.deepEqual(await service.list(), []);
  stalls = false;
  await service.pull(ref, context, { as: "it" });
  await wholeImage(directory, service);
  close();
});

test("a full disk is told, wherever it is full, and leaves room again", async (t) => {
  const registry = await serving(t);
  const ref = `${registry.host}/team/dev:1`;
  const full: string[] = [];
  for (const part of ["images", "blobs"]) {
    const directory = temporaryDirectory(t);
    const small = join(directory, part);
    mkdirSync(small);
    const done = spawnSync("mount", ["-t", "tmpfs", "-o", "size=400k", "none", small]).status === 0;
    if (!done) return t.skip("this machine cannot mount a small file system");
    try {
      const { service, close } = makeService(directory);
      await rejectsWith(service.pull(ref, context, { as: "it" }), "no_space", /^no space left at /);
      full.push(...visible(small).filter((name) => /staging|unpacking/.test(name)));
      assert.deepEqual(await service.list(), []);
      assert.equal(spawnSync("mount", ["-o", "remount,size=100m", small]).status, 0);
      await service.pull(ref, context, { as: "it" });
      await wholeImage(directory, service);
      close();
    } finally {
      spawnSync("umount", [small]);
    }
  }
  assert.deepEqual(full, []);
});
