import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { ImageService } from "../../../src/image/service.ts";
import { BundleSource } from "../../../src/image/sources/bundle.ts";
import { OciCatalogSource } from "../../../src/image/sources/oci.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { DownloadCache } from "../../../src/lib/http/cache.ts";
import { HttpClient } from "../../../src/lib/http/client.ts";
import type { ImageCatalogEntry } from "../../../src/model/image.ts";
import { rejectsWith } from "../../support/faults.ts";
import { sendFile, serve } from "../../support/http-server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { bundleOf, fakeExt4, sha256 } from "../bundle/support.ts";
import { catalogEntry, FakeSource, listening } from "../images.ts";

const context = detachedContext();
const disk = fakeExt4(Buffer.alloc(100_000, 5));

async function world(t: TestContext) {
  const folder = temporaryDirectory(t);
  const bundle = await bundleOf(disk, join(folder, "disk"));
  const file = join(folder, "dev.tar.zst");
  writeFileSync(file, bundle);
  const http = new HttpClient({ env: {}, answerTimeout: 300, stallTimeout: 300 });
  t.after(() => http.close());
  const downloads = join(folder, "downloads");
  const source = new BundleSource({ downloads: new DownloadCache({ directory: downloads, http }) });
  const server = await serve(t, (request, response) => sendFile(request, response, bundle));
  const service = (entry: ImageCatalogEntry, oci?: OciCatalogSource): ImageService =>
    new ImageService({
      directory: join(folder, "images"),
      sources: { debian: new FakeSource(), bundle: source, ...(oci ? { oci } : {}) },
      catalog: [entry],
    });
  const pin = { sha256: sha256(bundle), size: bundle.length };
  return { folder, bundle, file, url: pathToFileURL(file).href, server, downloads, pin, service };
}

function entryOf(...sources: ImageCatalogEntry["sources"]): ImageCatalogEntry {
  return { ...catalogEntry("dev"), kernel: "of-the-catalog", sources };
}

describe("a bundle of a catalog", () => {
  test("is taken from a file or a server, with the kernel of the catalog and the configuration of the bundle", async (t) => {
    const { url, server, downloads, pin, service } = await world(t);
    for (const address of [url, `${server.url}/dev.tar.zst`]) {
      const one = service(entryOf({ kind: "bundle", url: address, ...pin }));
      const { manifest, rootfs } = await one.ensure("dev", context);
      assert.ok(readFileSync(rootfs).equals(disk));
      assert.equal(manifest.kernel, "of-the-catalog");
      assert.equal(manifest.init, "/sbin/init");
      assert.deepEqual(manifest.config?.env, ["A=b"]);
      assert.deepEqual(manifest.source, { kind: "bundle", detail: address });
      await one.remove("dev", () => []);
    }
    assert.deepEqual(
      readdirSync(downloads).filter((name) => !name.startsWith(".lock")),
      [],
    );
  });

  test("is refused when it is another file than the catalog says", async (t) => {
    const { url, pin, service, server, folder } = await world(t);
    const other = "0".repeat(64);
    const build = (more: object, address = url): Promise<unknown> =>
      service(entryOf({ kind: "bundle", url: address, ...pin, ...more })).ensure("dev", context);
    await rejectsWith(
      build({ sha256: other }),
      "catalog_source_invalid",
      `the bundle at "${url}" cannot be used: it has SHA-256 ${pin.sha256}, expected ${other}`,
    );
    await rejectsWith(
      build({ size: 5 }),
      "catalog_source_invalid",
      `the bundle at "${url}" cannot be used: it has ${pin.size} bytes, expected 5`,
    );
    await rejectsWith(build({ sha256: other }, server.url), "archive_bad_hash");
    await rejectsWith(
      build({}, "http://example.org/x"),
      "catalog_source_invalid",
      /http is taken on loopback only$/,
    );
    await rejectsWith(build({}, "file:///nowhere/x"), "catalog_source_invalid", /there is no such file$/);
    const left = readdirSync(join(folder, "images")).filter((name) => name !== ".locks");
    assert.deepEqual(left, []);
  });

  test("comes after a source that fails, which is said; when all fail, of each why", async (t) => {
    const { url, pin, service, folder } = await world(t);
    const dead = { kind: "bundle", url: "file:///nowhere/x", ...pin } as const;
    const heard = listening();
    await service(entryOf(dead, { kind: "bundle", url, ...pin })).ensure("dev", heard);
    assert.deepEqual(
      heard.heard.filter(({ state }) => state === "note").map(({ message }) => message),
      [
        'source bundle of dev failed, trying the next: the bundle at "file:///nowhere/x" cannot be used: there is no such file',
      ],
    );
    const other = join(folder, "other");
    const reference = `docker.io/library/alpine@sha256:${"0".repeat(64)}`;
    const hopeless = { ...entryOf(dead, { kind: "oci", reference }), name: "hopeless" };
    await rejectsWith(
      service(hopeless).ensure("hopeless", context),
      "image_sources_failed",
      'no source of image "hopeless" can be used: bundle: the bundle at "file:///nowhere/x" cannot be used: there is no such file; ' +
        "oci: the source oci is not supported here: this daemon was not given a way to use it",
    );
    assert.equal(existsSync(other), false);
  });
});

test("an image of a registry in a catalog is made from its digest", async (t) => {
  const { service } = await world(t);
  const reference = `docker.io/library/alpine@sha256:${"a".repeat(64)}`;
  const asked: string[] = [];
  const oci = new OciCatalogSource({
    registry: {
      removeLeftovers: async () => undefined,
      build: async (parsed, _, path) => {
        asked.push(JSON.stringify(parsed));
        writeFileSync(path, disk);
        return {
          arch: "amd64",
          distro: "alpine",
          kernel: "theirs",
          config: { env: ["B=c"], entrypoint: [], cmd: [] },
          source: { kind: "oci", detail: reference },
        };
      },
    },
  });
  const { manifest } = await service(entryOf({ kind: "oci", reference }), oci).ensure("dev", context);
  assert.equal(asked.length, 1);
  assert.match(asked[0] ?? "", /sha256:aaaa/);
  assert.equal(manifest.kernel, "of-the-catalog");
  assert.deepEqual(manifest.config?.env, ["B=c"]);
  assert.deepEqual(manifest.source, { kind: "oci", detail: reference });
});
