import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type FetchedImage, fetchImage } from "../../../src/image/oci/fetch.ts";
import { parsePlatform } from "../../../src/image/oci/platform.ts";
import { parseReference } from "../../../src/image/oci/reference.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { HttpClient } from "../../../src/lib/http/client.ts";
import { file } from "../../archive/support.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/http-server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { listening } from "../images.ts";
import { blob, descriptor, digestOf, type ImageOptions, type MadeImage, makeImage } from "./support/image.ts";
import { basicLogin, type Interference, type RegistryDouble, serveRegistry } from "./support/registry.ts";

interface World {
  registry: RegistryDouble;
  image: MadeImage;
  blobs: string;
  docker: string;
  fetch(reference?: string, context?: ReturnType<typeof detachedContext>): Promise<FetchedImage<string>>;
}

async function world(t: TestContext, interfere?: Interference, options?: ImageOptions): Promise<World> {
  const registry = await serveRegistry(t, interfere);
  const image = await makeImage([[file("a", "first")], [file("b", "x".repeat(100_000))]], options);
  registry.push("team/dev", "1", image);
  const [blobs, docker] = [temporaryDirectory(t), temporaryDirectory(t)];
  const http = new HttpClient({ env: {}, stallTimeout: 2000 });
  t.after(() => http.close());
  const platform = parsePlatform("linux/amd64");
  const given = {
    http,
    blobs,
    platform,
    insecure: false,
    env: { DOCKER_CONFIG: docker, PATH: process.env.PATH },
  };
  const fetch: World["fetch"] = (reference = "team/dev:1", context = detachedContext()) =>
    fetchImage(parseReference(`${registry.host}/${reference}`), given, context, (layer, scoped) =>
      layer.fetch(scoped),
    );
  return { registry, image, blobs, docker, fetch };
}

function logIn({ docker, registry }: World, text: string): void {
  const auths = { [registry.host]: { auth: Buffer.from(text).toString("base64") } };
  writeFileSync(join(docker, "config.json"), JSON.stringify({ auths }));
}

describe("an image of a registry", () => {
  for (const docker of [false, true]) {
    test(`in the formats of ${docker ? "Docker" : "OCI"} is fetched whole`, async (t) => {
      const { fetch, image, blobs } = await world(t, undefined, { docker });
      const { digest, layers } = await fetch();
      assert.equal(digest, image.manifest.digest);
      assert.deepEqual(
        layers.map((path) => readFileSync(path)),
        image.layers.map(({ bytes }) => bytes),
      );
      assert.deepEqual(
        layers,
        image.layers.map((layer) => join(blobs, layer.digest.slice("sha256:".length))),
      );
    });
  }

  test("tells how far its layers are, all together", async (t) => {
    const { fetch, image } = await world(t);
    const context = listening();
    await fetch("team/dev:1", context);
    const total = image.layers.reduce((sum, { size }) => sum + size, 0);
    const last = { stage: "image.layers", state: "progress", message: "downloading layers", unit: "bytes" };
    assert.deepEqual(context.heard.at(-1), { ...last, current: total, total });
  });

  test("is fetched once: what is there is not asked for again", async (t) => {
    const { fetch, registry, image } = await world(t);
    await fetch();
    const before = registry.requests.length;
    await fetch();
    const asked = registry.requests.slice(before).filter((line) => line.includes("/blobs/"));
    assert.deepEqual(asked, [`GET /v2/team/dev/blobs/${image.config.digest}`]);
  });

  test("whose blob on this host was changed is fetched again", async (t) => {
    const { fetch, blobs, image } = await world(t);
    await fetch();
    for (const name of readdirSync(blobs).filter((each) => !each.startsWith("."))) {
      writeFileSync(join(blobs, name), "something else");
    }
    const { layers } = await fetch();
    assert.deepEqual(
      layers.map((path) => digestOf(readFileSync(path))),
      image.layers.map(({ digest }) => digest),
    );
  });

  test("is found by its digest", async (t) => {
    const { fetch, image, registry } = await world(t);
    assert.equal((await fetch(`team/dev@${image.manifest.digest}`)).digest, image.manifest.digest);
    const other = await makeImage([[file("c")]]);
    registry.put("team/dev", image.manifest.digest, other.manifest);
    await rejectsWith(
      fetch(`team/dev@${image.manifest.digest}`),
      "registry_bad_digest",
      `a part of the image "${registry.host}/team/dev@${image.manifest.digest}" has the digest ${other.manifest.digest}, ` +
        `expected ${image.manifest.digest}`,
    );
  });

  test("is chosen from an index by its platform", async (t) => {
    const { fetch, image, registry } = await world(t);
    const arm = await makeImage([[file("arm")]], { architecture: "arm64" });
    registry.push("team/dev", "arm", arm);
    const entry = (one: MadeImage, architecture: string): object => ({
      ...descriptor(one.manifest),
      platform: { os: "linux", architecture },
    });
    const index = (...manifests: object[]): void =>
      registry.put(
        "team/dev",
        "all",
        blob("application/vnd.oci.image.index.v1+json", { schemaVersion: 2, manifests }),
      );
    index(entry(arm, "arm64"), entry(image, "amd64"));
    assert.equal((await fetch("team/dev:all")).digest, image.manifest.digest);
    index(entry(arm, "arm64"));
    const message = `the image "${registry.host}/team/dev:all" has no variant for linux/amd64; on offer: linux/arm64`;
    await rejectsWith(fetch("team/dev:all"), "image_platform_missing", message);
    const alone = `the image "${registry.host}/team/dev:arm" has no variant for linux/amd64; on offer: linux/arm64`;
    await rejectsWith(fetch("team/dev:arm"), "image_platform_missing", alone);
  });

  test("that is not there is registry_not_found", async (t) => {
    const { fetch, registry } = await world(t);
    const message = `the registry "${registry.host}" has no "${registry.host}/team/dev:2"`;
    await rejectsWith(fetch("team/dev:2"), "registry_not_found", message);
  });
});

describe("a login", () => {
  const bearer = (url: string): string =>
    `Bearer realm="${url}/token",service="reg",scope="repository:team/dev:pull"`;

  test("by name and password is sent once the registry asks for it", async (t) => {
    const wanted = basicLogin("ada", "secret");
    const locked: Interference = (request, response) => {
      if (request.url === "/v2/" || request.headers.authorization === wanted) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="reg"' }).end();
      return true;
    };
    const at = await world(t, locked);
    const { host } = at.registry;
    const message = `the registry "${host}" does not give out "team/dev": it wants a login, and there is none for it`;
    await rejectsWith(at.fetch(), "registry_denied", message);
    const again = await world(t, locked);
    logIn(again, "ada:secret");
    await again.fetch();
    const third = await world(t, locked);
    logIn(third, "ada:wrong");
    await rejectsWith(third.fetch(), "registry_denied", /: HTTP 401 Unauthorized$/);
  });

  test("by a token of the server that the registry names, with the login for it", async (t) => {
    const asked: [string | undefined, string | undefined][] = [];
    const tokens = await serve(t, (request, response) => {
      asked.push([request.url, request.headers.authorization]);
      response.end('{"token":"t0k"}');
    });
    const at = await world(t, (request, response) => {
      if (request.url === "/v2/" || request.headers.authorization === "Bearer t0k") return false;
      response.writeHead(401, { "www-authenticate": bearer(tokens.url) }).end();
      return true;
    });
    logIn(at, "ada:secret");
    await at.fetch();
    assert.deepEqual(asked, [
      ["/token?service=reg&scope=repository%3Ateam%2Fdev%3Apull", basicLogin("ada", "secret")],
    ]);
  });

  test("by an identity token is a form", async (t) => {
    const forms: string[] = [];
    const tokens = await serve(t, (request, response) => {
      assert.equal(request.method, "POST");
      request.on("data", (chunk) => forms.push(String(chunk)));
      request.on("end", () => response.end('{"access_token":"t1"}'));
    });
    const at = await world(t, (request, response) => {
      if (request.url === "/v2/" || request.headers.authorization === "Bearer t1") return false;
      response.writeHead(401, { "www-authenticate": bearer(tokens.url) }).end();
      return true;
    });
    const auths = { [at.registry.host]: { identitytoken: "id&=" } };
    writeFileSync(join(at.docker, "config.json"), JSON.stringify({ auths }));
    await at.fetch();
    const common =
      "service=reg&scope=repository%3Ateam%2Fdev%3Apull&grant_type=refresh_token&client_id=banger";
    assert.deepEqual(forms, [`${common}&refresh_token=id%26%3D`]);
  });

  test("that expires between two requests is got again", async (t) => {
    let valid = 0;
    const tokens = await serve(t, (_, response) => {
      valid += 1;
      response.end(JSON.stringify({ token: `t${valid}` }));
    });
    let served = 0;
    const at = await world(t, (request, response) => {
      if (request.url === "/v2/") return false;
      const isValid = request.headers.authorization === `Bearer t${valid}`;
      served += isValid ? 1 : 0;
      if (isValid && served !== 2) return false;
      response.writeHead(401, { "www-authenticate": bearer(tokens.url) }).end();
      return true;
    });
    await at.fetch();
    assert.equal(valid, 2);
  });

  test("goes to no token server that cannot be trusted with it, and a strange one gives none", async (t) => {
    for (const [challenge, reason] of [
      ["Bearer", "it names no token server that can be used"],
      ['Bearer realm="ftp://x/"', "it names no token server that can be used"],
      ["Negotiate", "it wants a login of a kind that banger does not know"],
    ] as const) {
      const at = await world(t, (request, response) => {
        if (request.url === "/v2/") return false;
        response.writeHead(401, { "www-authenticate": challenge }).end();
        return true;
      });
      await rejectsWith(at.fetch(), "registry_denied", new RegExp(`: ${reason}$`));
    }
    const tokens = await serve(t, (_, response) => response.end('{"token":"two words"}'));
    const at = await world(t, (request, response) => {
      if (request.url === "/v2/") return false;
      response.writeHead(401, { "www-authenticate": bearer(tokens.url) }).end();
      return true;
    });
    await rejectsWith(at.fetch(), "registry_denied", /: its token server gives no token$/);
  });

  test("is not shown to another host that a blob is redirected to", async (t) => {
    const seen: (string | undefined)[] = [];
    let bytes = new Map<string, Buffer>();
    const storage = await serve(t, (request, response) => {
      seen.push(request.headers.authorization);
      response.end(bytes.get(request.url ?? ""));
    });
    const wanted = basicLogin("ada", "secret");
    const at = await world(t, (request, response) => {
      if (request.url === "/v2/") return false;
      if (request.headers.authorization !== wanted) {
        response.writeHead(401, { "www-authenticate": "Basic" }).end();
        return true;
      }
      if (!request.url?.includes("/blobs/")) return false;
      response.writeHead(307, { location: `${storage.url}${request.url}` }).end();
      return true;
    });
    logIn(at, "ada:secret");
    bytes = new Map(
      [at.image.config, ...at.image.layers].map((one) => [`/v2/team/dev/blobs/${one.digest}`, one.bytes]),
    );
    await at.fetch();
    assert.deepEqual(seen, [undefined, undefined, undefined]);
  });
});

describe("a registry that fails", () => {
  test("for a moment is asked again", async (t) => {
    const failing = new Set(["manifests", "blobs"]);
    const { fetch } = await world(t, (request, response) => {
      const kind = request.url?.split("/")[4] ?? "";
      if (!failing.delete(kind)) return false;
      response.writeHead(kind === "blobs" ? 503 : 429).end();
      return true;
    });
    await fetch();
    assert.equal(failing.size, 0);
  });

  test("in the middle of a layer is asked for the rest", async (t) => {
    const ranges: string[] = [];
    let cut = false;
    const at = await world(
      t,
      (request, response) => {
        if (request.headers.range) ranges.push(request.headers.range);
        const large = at.image.layers[1];
        if (cut || !large || !request.url?.endsWith(large.digest)) return false;
        cut = true;
        response.writeHead(200, { "content-length": large.size });
        response.write(large.bytes.subarray(0, 50_000), () => response.destroy());
        return true;
      },
      { compression: "none" },
    );
    await at.fetch();
    assert.deepEqual(ranges, ["bytes=50000-"]);
  });

  test("for good is registry_unreachable", async (t) => {
    const { fetch, registry } = await world(t, (request, response) => {
      if (request.url === "/v2/") return false;
      response.writeHead(501).end();
      return true;
    });
    const message = `the registry "${registry.host}" cannot be used: HTTP 501 Not Implemented`;
    await rejectsWith(fetch(), "registry_unreachable", message);
  });

  test("to give a layer as its digest says is found out, and nothing of it stays", async (t) => {
    const { fetch, image, blobs, registry } = await world(t, (request, response) => {
      const [, large] = image.layers;
      if (!large || !request.url?.endsWith(large.digest)) return false;
      response.end(Buffer.alloc(large.size));
      return true;
    });
    const [, large] = image.layers;
    assert.ok(large);
    const actual = digestOf(Buffer.alloc(large.size));
    const message = `a part of the image "${registry.host}/team/dev:1" has the digest ${actual}, expected ${large.digest}`;
    await rejectsWith(fetch(), "registry_bad_digest", message);
    assert.deepEqual(
      readdirSync(blobs).filter((name) => name.startsWith(large.digest.slice("sha256:".length))),
      [],
    );
  });

  test("to send as few bytes as it announced is found out", async (t) => {
    const { fetch, image } = await world(t, (request, response) => {
      const [small] = image.layers;
      if (!small || !request.url?.endsWith(small.digest)) return false;
      response.end(Buffer.concat([small.bytes, Buffer.alloc(1)]));
      return true;
    });
    await rejectsWith(fetch(), "registry_invalid", /it has more than the announced \d+ bytes$/);
  });

  const strange: [what: string, change: (image: MadeImage) => object, problem: string][] = [
    [
      "no manifest",
      () => ({ mediaType: "text/plain" }),
      "its manifest has the type text/plain, which is not an image's",
    ],
    ["no configuration", () => ({}), "its manifest is malformed at config"],
    [
      "another configuration",
      ({ config }) => ({
        config: { ...descriptor(config), mediaType: "application/vnd.cncf.helm.config.v1+json" },
        layers: [],
      }),
      "it is not a system's: its configuration has the type application/vnd.cncf.helm.config.v1+json",
    ],
    [
      "another kind of layer",
      ({ config, layers }) => ({
        config: descriptor(config),
        layers: layers.map((layer) => ({ ...descriptor(layer), mediaType: "image/png" })),
      }),
      "a layer has the type image/png, which is not known",
    ],
    [
      "a layer too few",
      ({ config, layers }) => ({ config: descriptor(config), layers: layers.slice(1).map(descriptor) }),
      "it has 1 layers, and its configuration speaks of 2",
    ],
  ];
  for (const [what, change, problem] of strange) {
    test(`to give an image, and gives ${what}, is told so`, async (t) => {
      const { fetch, image, registry } = await world(t);
      const type = image.manifest.mediaType;
      registry.put("team/dev", "odd", blob(type, { schemaVersion: 2, mediaType: type, ...change(image) }));
      const message = `the image "${registry.host}/team/dev:odd" cannot be used: ${problem}`;
      await rejectsWith(fetch("team/dev:odd"), "registry_invalid", message);
    });
  }

  test("and stops the work when it is cancelled", async (t) => {
    const stop = new AbortController();
    const { fetch } = await world(t, (request) => {
      if (!request.url?.includes("/blobs/")) return false;
      stop.abort();
      return true;
    });
    await rejectsWith(fetch("team/dev:1", detachedContext(stop.signal)), "interrupted");
  });
});
