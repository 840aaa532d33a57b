import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { formatReference, type OciReference } from "../../src/image/oci/reference.ts";
import { OciSource } from "../../src/image/oci/source.ts";
import type { PullRequest, RegistrySource } from "../../src/image/plan.ts";
import { ImageService } from "../../src/image/service.ts";
import type { ImageDescription } from "../../src/image/store/store.ts";
import { type Context, detachedContext } from "../../src/lib/context.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { HttpClient } from "../../src/lib/http/client.ts";
import { file } from "../archive/support.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { catalogEntry, FakeSource, listening } from "./images.ts";
import { makeImage } from "./oci/support/image.ts";
import { serveRegistry } from "./oci/support/registry.ts";

const context = detachedContext();

/** A registry that has everything, except what is called absent. */
class FakeRegistry implements RegistrySource {
  readonly asked: [reference: string, request: PullRequest][] = [];
  cleaned = 0;

  async removeLeftovers(): Promise<void> {
    this.cleaned += 1;
  }

  async build(
    reference: OciReference,
    request: PullRequest,
    path: string,
    _: Context,
  ): Promise<ImageDescription> {
    const name = formatReference(reference);
    this.asked.push([name, request]);
    if (name.includes("absent"))
      throw fault("registry_not_found", { registry: reference.registry, what: name });
    await writeFile(path, "flat", { flag: "wx" });
    const config = { env: ["A=1"], entrypoint: [], cmd: [] };
    return { arch: "amd64", distro: "x", kernel: "k", config, source: { kind: "oci", detail: name } };
  }
}

function world(t: TestContext): {
  service: ImageService;
  registry: FakeRegistry;
  source: FakeSource;
  directory: string;
} {
  const directory = temporaryDirectory(t);
  const [source, registry] = [new FakeSource(), new FakeRegistry()];
  const catalog = [catalogEntry("debian")];
  const service = new ImageService({ directory, sources: { debian: source }, oci: registry, catalog });
  return { service, registry, source, directory };
}

describe("pulling", () => {
  test("finds the catalog first, then takes the name for a reference", async (t) => {
    const { service, registry, source } = world(t);
    await service.pull("debian", context);
    const pulled = await service.pull("alpine", context);
    assert.deepEqual(source.built, ["debian"]);
    assert.deepEqual(registry.asked, [["docker.io/library/alpine:latest", {}]]);
    assert.equal(pulled.name, "alpine");
    assert.deepEqual(pulled.config, { env: ["A=1"], entrypoint: [], cmd: [] });
  });

  test("passes on what was asked for, and names the local image as asked", async (t) => {
    const { service, registry, source } = world(t);
    const more = { platform: "linux/386", kernel: "mine", size: 5, insecure: true };
    const pulled = await service.pull("reg.io/a:1", context, { as: "mine", ...more });
    assert.equal(pulled.name, "mine");
    assert.deepEqual(registry.asked, [["reg.io/a:1", more]]);
    const built = await service.pull("debian", context, { as: "deb", kernel: "generic-6.12" });
    assert.deepEqual([built.name, built.kernel, source.built], ["deb", "generic-6.12", ["debian"]]);
    await rejectsWith(service.pull("reg.io/b", context, { as: "deb" }), "image_exists");
  });

  test("refuses for the catalog what only a registry has", async (t) => {
    const { service } = world(t);
    const message =
      "debian is an image of the catalog, for which there is no --platform, --size and --insecure";
    for (const more of [{ size: 5 }, { insecure: true }, { platform: "linux/386" }]) {
      await rejectsWith(service.pull("debian", context, { as: "x", ...more }), "bad_usage", message);
    }
    assert.equal((await service.pull("debian", context, { platform: "linux/amd64" })).name, "debian");
  });

  test("leaves nothing when the registry fails", async (t) => {
    const { service, directory } = world(t);
    await rejectsWith(service.pull("reg.io/absent", context), "registry_not_found");
    assert.deepEqual(
      readdirSync(directory).filter((name) => name !== ".locks"),
      [],
    );
    await rejectsWith(service.pull("reg.io/Upper", context), "image_reference_invalid");
  });
});

describe("ensuring", () => {
  test("pulls a reference that is not local, once, and says so", async (t) => {
    const { service, registry } = world(t);
    const heard = listening();
    const { manifest, rootfs } = await service.ensure("localhost:5000/dev", heard);
    assert.equal(manifest.name, "localhost:5000/dev");
    assert.equal(readFileSync(rootfs, "utf8"), "flat");
    assert.equal(heard.heard[0]?.message, "pulling localhost:5000/dev:latest");
    await service.ensure("localhost:5000/dev", context);
    assert.equal(registry.asked.length, 1);
  });

  test("does not take a bare word for a reference", async (t) => {
    const { service, registry } = world(t);
    await rejectsWith(service.ensure("debain", context), "image_not_found", 'image "debain" not found');
    assert.deepEqual(registry.asked, []);
  });
});

test("an image of a registry becomes a local one with its configuration", async (t) => {
  const registry = await serveRegistry(t);
  const config = { Env: ["A=b c"], User: "1000:5", WorkingDir: "/srv", Entrypoint: ["/e"], Cmd: ["c", ""] };
  registry.push(
    "x",
    "1",
    await makeImage([[file("etc/os-release", "ID=test\n")], [file("hello", "there")]], { config }),
  );
  registry.push(
    "x",
    "plain",
    await makeImage([[file("hello", "there")]], { config: { User: "", WorkingDir: "" } }),
  );
  const http = new HttpClient({ env: {} });
  t.after(() => http.close());
  const [directory, blobs] = [temporaryDirectory(t), temporaryDirectory(t)];
  const oci = new OciSource({ http, blobs, kernel: "usual", env: {} });
  const service = new ImageService({ directory, sources: { debian: new FakeSource() }, oci, catalog: [] });
  const image = await service.pull(`${registry.host}/x:1`, context);
  assert.deepEqual([image.distro, image.kernel, image.init], ["test", "usual", undefined]);
  assert.deepEqual(image.config, {
    env: ["A=b c"],
    user: "1000:5",
    workdir: "/srv",
    entrypoint: ["/e"],
    cmd: ["c", ""],
  });
  assert.match(image.source?.detail ?? "", /^127\.0\.0\.1:\d+\/x:1 \(sha256:[0-9a-f]{64}\)$/);
  const plain = await service.pull(`${registry.host}/x:plain`, context, { size: 80 * 2 ** 20 });
  assert.deepEqual(plain.config, { env: [], entrypoint: [], cmd: [] });
  assert.equal(plain.rootfs?.size, 80 * 2 ** 20);
  assert.ok(existsSync(join(directory, plain.id, "rootfs.ext4")));
  await rejectsWith(
    service.pull(`${registry.host}/x:1`, context, { as: "tiny", size: 2 ** 20 }),
    "root_filesystem_invalid",
  );
});
