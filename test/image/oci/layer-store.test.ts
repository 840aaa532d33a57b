import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Budget, type ImageLimits, usualLimits } from "../../../src/image/oci/budget.ts";
import { LayerStore, type WantedLayer } from "../../../src/image/oci/layer-store.ts";
import type { LayerTerms } from "../../../src/image/oci/unpack.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { tryLock } from "../../../src/lib/lock.ts";
import { file, pack } from "../../archive/support.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { digestOf } from "./support/image.ts";

const context = detachedContext();

function terms(limits: Partial<ImageLimits> = {}): LayerTerms {
  const all = { ...usualLimits, ...limits };
  return { reference: "it", limits: all, budget: new Budget("it", all) };
}

interface World {
  directory: string;
  store: LayerStore;
  archive: Buffer;
  /** How often the blob was fetched. */
  fetches: () => number;
  layer: WantedLayer;
  /** Names of what is in the directory, without locks. */
  names: () => string[];
}

async function world(t: TestContext, content: Buffer | string = "hello"): Promise<World> {
  const directory = temporaryDirectory(t);
  const archive = await pack(file("a", content), file("b", "there"));
  const blob = gzipSync(archive);
  let fetches = 0;
  const fetch = async (): Promise<string> => {
    fetches += 1;
    const path = join(directory, hexOf(digestOf(blob)));
    writeFileSync(path, blob);
    return path;
  };
  return {
    directory,
    store: new LayerStore(directory),
    archive,
    fetches: () => fetches,
    layer: { diffId: digestOf(archive), size: blob.length, fetch },
    names: () => readdirSync(directory).filter((name) => !name.startsWith(".")),
  };
}

const hexOf = (digest: string): string => digest.slice("sha256:".length);

async function namesIn(store: LayerStore, layer: WantedLayer, more = terms()): Promise<string[]> {
  await using opened = await store.open(layer, more, context);
  const names: string[] = [];
  for await (const { path } of opened.read(context.signal)) names.push(path.toString());
  return names;
}

describe("a layer", () => {
  test("is unpacked once, and its blob not kept", async (t) => {
    const { store, layer, archive, directory, names, fetches } = await world(t);
    assert.deepEqual(await namesIn(store, layer), ["a", "b"]);
    assert.deepEqual(names(), [hexOf(layer.diffId)]);
    assert.ok(readFileSync(join(directory, hexOf(layer.diffId))).equals(archive));
    assert.deepEqual(await namesIn(store, layer), ["a", "b"]);
    assert.deepEqual(await namesIn(new LayerStore(directory), layer), ["a", "b"]);
    assert.equal(fetches(), 1);
  });

  test("that is not compressed is its own blob", async (t) => {
    const { store, layer, archive, directory, names } = await world(t);
    const fetch = async (): Promise<string> => {
      writeFileSync(join(directory, hexOf(layer.diffId)), archive);
      return join(directory, hexOf(layer.diffId));
    };
    assert.deepEqual(await namesIn(store, { ...layer, fetch }), ["a", "b"]);
    assert.deepEqual(names(), [hexOf(layer.diffId)]);
  });

  test("whose archive on this host was changed is fetched again, by whatever process", async (t) => {
    const { store, layer, archive, directory, fetches } = await world(t);
    await namesIn(store, layer);
    const path = join(directory, hexOf(layer.diffId));
    for (const [count, one] of [store, new LayerStore(directory), store].entries()) {
      if (count < 2) appendFileSync(path, "x");
      else writeFileSync(path, "short");
      assert.deepEqual(await namesIn(one, layer), ["a", "b"]);
      assert.equal(fetches(), count + 2);
      assert.ok(readFileSync(path).equals(archive));
    }
  });

  test("that several want at once is unpacked once", async (t) => {
    const { store, layer, directory, names } = await world(t, Buffer.alloc(300_000, "x"));
    const stores = [store, store, new LayerStore(directory), store];
    for (const found of await Promise.all(stores.map((one) => namesIn(one, layer)))) {
      assert.deepEqual(found, ["a", "b"]);
    }
    assert.deepEqual(names(), [hexOf(layer.diffId)]);
  });

  test("stays readable when it is taken out of the cache", async (t) => {
    const { store, layer, directory } = await world(t);
    await using opened = await store.open(layer, terms(), context);
    rmSync(join(directory, hexOf(layer.diffId)));
    const names: string[] = [];
    for await (const { path } of opened.read(context.signal)) names.push(path.toString());
    assert.deepEqual(names, ["a", "b"]);
  });

  test("of zeros takes no room", async (t) => {
    const { store, layer, archive, directory } = await world(t, Buffer.alloc(8 * 2 ** 20));
    await namesIn(store, layer);
    const { size, blocks } = statSync(join(directory, hexOf(layer.diffId)));
    assert.equal(size, archive.length);
    assert.ok(blocks * 512 < 2 ** 21, `${blocks * 512} bytes`);
  });

  test("counts wherever an image has it, unpacked or found", async (t) => {
    const { store, layer, directory } = await world(t);
    const two = terms({ entries: 5 });
    for (const one of [store, store]) await namesIn(one, layer, two);
    const message = 'the image "it" has a number of files over the limit of 5';
    await rejectsWith(namesIn(store, layer, two), "image_too_large", message);
    await rejectsWith(namesIn(new LayerStore(directory), layer, two), "image_too_large", message);
  });
});

describe("unpacking leaves nothing", () => {
  test("of a layer that is not what the image says", async (t) => {
    const { store, layer, names } = await world(t);
    const diffId = digestOf(Buffer.from("else"));
    const message = `a part of the image "it" has the digest ${layer.diffId}, expected ${diffId}`;
    await rejectsWith(namesIn(store, { ...layer, diffId }), "registry_bad_digest", message);
    assert.equal(names().length, 1);
    assert.notEqual(names()[0], hexOf(diffId));
  });

  test("when it is cancelled, or the blob cannot be had", async (t) => {
    const { store, layer, names } = await world(t);
    const cancelled = { ...context, signal: AbortSignal.abort() };
    await rejectsWith(store.open(layer, terms(), cancelled), "interrupted");
    const denied = fault("registry_not_found", { registry: "r", what: "w" });
    const fetch = (): Promise<string> => Promise.reject(denied);
    await rejectsWith(store.open({ ...layer, fetch }, terms(), context), "registry_not_found");
    assert.deepEqual(
      names().filter((name) => name.endsWith(".unpacking")),
      [],
    );
  });

  test("of a process that died, once another one cleans up", async (t) => {
    const { store, layer, directory, names } = await world(t);
    const half = `${hexOf(layer.diffId)}.unpacking`;
    writeFileSync(join(directory, half), "half");
    await store.removeLeftovers();
    assert.deepEqual(names(), []);
    writeFileSync(join(directory, half), "half");
    assert.deepEqual(await namesIn(store, layer), ["a", "b"]);
    assert.deepEqual(names(), [hexOf(layer.diffId)]);
  });

  test("but what somebody is at is left alone", async (t) => {
    const { store, layer, directory, names } = await world(t);
    const half = `${hexOf(layer.diffId)}.unpacking`;
    writeFileSync(join(directory, half), "half");
    const locks = [..."0123456789abcdef"].map((digit) => tryLock(join(directory, `.unpack-${digit}`)));
    await store.removeLeftovers();
    assert.deepEqual(names(), [half]);
    for (const lock of locks) lock?.release();
    await new LayerStore(join(directory, "absent")).removeLeftovers();
  });
});
