import assert from "node:assert/strict";
import { createReadStream, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { followFile } from "../../../src/lib/follow-file.ts";
import { type Route, routes } from "../../../src/model/api/routes.ts";
import type { LogRequest } from "../../../src/model/log-request.ts";
import { fakeServices, sampleImage, sampleKernel, sampleVm } from "../../support/fake-services.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/serve.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Node's own client, so that ours is not its own judge. */
function fetchRaw(
  socketPath: string,
  method: string,
  path: string,
  body?: string,
  headers = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.on("error", reject).end(body);
  });
}

describe("the contract", () => {
  test("is served whole: every route answers as it promises", async (t) => {
    const services = fakeServices();
    const { socket } = await serve(t, services);
    const operation = services.operations.start("vm.start", "dev", async () => sampleVm);
    const bodies: Record<string, object> = {
      buildImage: { name: "x", from: "y", steps: [] },
      registerImage: { name: "x", path: "/x" },
      renameImage: { name: "x" },
      commitVm: { name: "x" },
      pullImage: { name: "x" },
      pullKernel: { name: "x" },
      importKernel: { name: "x", from: "/x" },
    };
    const queries: Record<string, string> = {
      readFiles: "?path=/x",
      writeFiles: "?path=/x",
      writeFile: "?path=/x",
    };
    for (const [name, route] of Object.entries(routes) as [string, Route][]) {
      if (route.stream === "upgrade") continue;
      const path = `/v1${route.path.replace("{ref}", "dev").replace("{name}", "k").replace("{id}", operation.id)}`;
      const body = route.body ? JSON.stringify(bodies[name] ?? {}) : undefined;
      const answer = await fetchRaw(socket, route.method, `${path}${queries[name] ?? ""}`, body);
      assert.equal(answer.status, route.status, `${name}: ${answer.body}`);
      assert.equal(answer.headers["api-version"], "v1");
      assert.match(String(answer.headers["x-request-id"]), /^[0-9a-f]{8}$/);
      if (!route.stream) assert.ok(route.answer.safeParse(JSON.parse(answer.body)).success, name);
    }
  });

  test("is all there is", async (t) => {
    const { socket } = await serve(t, fakeServices());
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", "/v1"],
      ["GET", "/v2/info"],
      ["PUT", "/v1/vms/dev"],
      ["GET", "/v1/vms/dev/start"],
    ] as const) {
      const answer = await fetchRaw(socket, method, path);
      assert.equal(answer.status, 404);
      assert.equal(answer.headers["content-type"], "application/problem+json");
      const problem = JSON.parse(answer.body);
      assert.equal(problem.code, "route_not_found");
      assert.equal(problem.title, `there is no ${method} "${path}"`);
      assert.equal(problem.status, 404);
    }
  });
});

describe("a request", () => {
  test("that is not JSON, or does not fit the schema, is refused with what is wrong", async (t) => {
    const services = fakeServices();
    const { socket } = await serve(t, services);
    const cases: [string, string][] = [
      ["{", "the request is not valid: the body is not JSON"],
      ['{"vcpu":"two"}', "the request is not valid: vcpu: Invalid input: expected number, received string"],
      ['{"cpus":2}', 'the request is not valid: body: Unrecognized key: "cpus"'],
      ['{"memory":0}', "the request is not valid: memory: Too small: expected number to be >=1"],
      ["[]", "the request is not valid: body: Invalid input: expected object, received array"],
    ];
    for (const [body, message] of cases) {
      const answer = await fetchRaw(socket, "POST", "/v1/vms", body);
      assert.equal(answer.status, 400, body);
      assert.equal(JSON.parse(answer.body).message, message);
      assert.equal(JSON.parse(answer.body).exit, 2);
    }
    assert.deepEqual(services.seen, []);
  });

  test("with an unknown query value is refused", async (t) => {
    const { socket } = await serve(t, fakeServices());
    const answer = await fetchRaw(socket, "GET", "/v1/vms/dev/logs?follow=perhaps");
    assert.equal(answer.status, 400);
    assert.equal(JSON.parse(answer.body).code, "invalid_request");
  });

  test("of another build is turned away, but for none", async (t) => {
    const { socket } = await serve(t, fakeServices());
    const other = await fetchRaw(socket, "GET", "/v1/info", undefined, { "Banger-Build": "other" });
    assert.equal(other.status, 409);
    assert.equal(JSON.parse(other.body).message, "the daemon is build source, the client is build other");
    assert.equal(
      (await fetchRaw(socket, "GET", "/v1/info", undefined, { "Banger-Build": "source" })).status,
      200,
    );
    assert.equal((await fetchRaw(socket, "GET", "/v1/info")).status, 200);
  });

  test("that fails for a reason of its own keeps code, message, remedy and causes", async (t) => {
    const services = fakeServices();
    services.on("vms.show", () => {
      throw fault("vm_not_found", { ref: "dev" }, new Error("no row"));
    });
    const { banger } = await serve(t, services);
    const error = await rejectsWith(banger.vms.show("dev"), "vm_not_found", 'vm "dev" not found');
    assert.equal(error.remedy, "See `banger vm list`");
    assert.equal(error.status, 404);
    assert.deepEqual(error.causes, ["no row"]);
  });

  test("that fails for no known reason is an internal error, not a hung connection", async (t) => {
    const services = fakeServices();
    services.on("vms.list", () => {
      throw new TypeError("undefined is not a machine");
    });
    const { banger } = await serve(t, services);
    await rejectsWith(banger.vms.list(), "internal", "internal error: undefined is not a machine");
  });
});

describe("the SDK and the routes", () => {
  test("agree on machines", async (t) => {
    const services = fakeServices();
    const { banger } = await serve(t, services);
    assert.deepEqual(await banger.vms.list(), [sampleVm]);
    assert.deepEqual(await banger.vms.show("a b/c"), sampleVm);
    assert.deepEqual(await banger.vms.create({ name: "dev", memory: 2 ** 30 }), sampleVm);
    assert.deepEqual(await banger.vms.start("dev"), sampleVm);
    assert.deepEqual(await banger.vms.stop("dev", { timeout: 5 }), sampleVm);
    assert.deepEqual(await banger.vms.restart("dev"), sampleVm);
    assert.deepEqual(await banger.vms.kill("dev", { signal: "TERM" }), sampleVm);
    assert.deepEqual(await banger.vms.delete("dev"), sampleVm);
    assert.deepEqual(await banger.vms.prune(), { deleted: ["dev"], freed: 4096 });
    assert.deepEqual(await banger.vms.set("dev", { vcpu: 2 }), sampleVm);
    assert.deepEqual(services.seen, [
      { name: "vms.list", args: [] },
      { name: "vms.show", args: ["a b/c"] },
      {
        name: "vms.create",
        args: [{ name: "dev", memory: 2 ** 30, nat: false, start: true, cold: false, ephemeral: false }],
      },
      { name: "vms.start", args: ["dev"] },
      { name: "vms.stop", args: ["dev", { timeout: 5 }] },
      { name: "vms.restart", args: ["dev", { timeout: 30 }] },
      { name: "vms.kill", args: ["dev", { signal: "SIGTERM" }] },
      { name: "vms.remove", args: ["dev"] },
      { name: "vms.prune", args: [] },
      { name: "vms.set", args: ["dev", { vcpu: 2 }] },
    ]);
  });

  test("agree on images and kernels", async (t) => {
    const services = fakeServices();
    const { banger } = await serve(t, services);
    assert.deepEqual(await banger.images.list(), [sampleImage]);
    const shown = { ...sampleImage, vms: [] };
    assert.deepEqual(await banger.images.show("debian-bookworm"), shown);
    assert.deepEqual(await banger.images.show("debian-bookworm", { verify: true }), shown);
    assert.equal(services.seen.at(-1)?.name, "images.verify");
    assert.deepEqual(await banger.images.rename("debian-bookworm", "old"), sampleImage);
    const pruned = { freed: 0, dryRun: false };
    assert.deepEqual(await banger.images.prune({ all: true }), { ...pruned, deleted: [] });
    assert.deepEqual(await banger.images.pruneCache(), { ...pruned, directories: [], files: 0 });
    await banger.images.delete("debian-bookworm", { force: true });
    const removal = services.seen.findLast(({ name }) => name === "images.remove");
    assert.deepEqual(removal?.args, [sampleImage.id, { force: true }]);
    assert.deepEqual(await banger.images.pull("debian-bookworm"), sampleImage);
    assert.deepEqual(await banger.images.delete("debian-bookworm"), { id: sampleImage.id, freed: 4096 });
    assert.deepEqual(await banger.kernels.list(), [sampleKernel]);
    assert.deepEqual(await banger.kernels.available(), []);
    assert.deepEqual(await banger.kernels.show("generic-6.1"), sampleKernel);
    assert.deepEqual(await banger.kernels.pull("generic-6.1", { force: true }), sampleKernel);
    assert.deepEqual(services.seen.at(-1), { name: "kernels.pull", args: ["generic-6.1", { force: true }] });
    assert.deepEqual(await banger.kernels.import({ name: "mine", from: "/boot/vmlinuz" }), sampleKernel);
    const request = { name: "mine", from: "/boot/vmlinuz", force: false };
    assert.deepEqual(services.seen.at(-1), { name: "kernels.import", args: [request] });
    const removed = { name: "generic-6.1", freed: 4096 };
    assert.deepEqual(await banger.kernels.delete("generic-6.1", { force: true }), removed);
  });

  test("a kernel that an image names is removed only by force", async (t) => {
    const { banger } = await serve(t, fakeServices());
    const error = await rejectsWith(
      banger.kernels.delete("generic-6.1"),
      "kernel_in_use",
      'kernel "generic-6.1" is used by the image debian-bookworm',
    );
    assert.match(error.remedy, /^Delete the images first, or use --force: /);
    await rejectsWith(banger.kernels.delete("used", { force: true }), "kernel_in_use");
  });

  test("what a template is made of is deleted only by force, and with it", async (t) => {
    const services = fakeServices();
    services.on("vms.templatesUsing", () => ["3fa9c1d20b47"]);
    services.on("images.list", () => []);
    const { banger } = await serve(t, services);
    const image = await rejectsWith(
      banger.images.delete("debian-bookworm"),
      "image_in_use",
      'image "debian-bookworm" is used by the template 3fa9c1d20b47',
    );
    assert.equal(
      image.remedy,
      "Delete the templates first: banger template delete 3fa9c1d20b47; or use --force, which deletes them with it",
    );
    const kernel = await rejectsWith(
      banger.kernels.delete("generic-6.1"),
      "kernel_in_use",
      'kernel "generic-6.1" is used by the template 3fa9c1d20b47',
    );
    assert.equal(kernel.remedy, image.remedy);
    assert.ok(!services.seen.some(({ name }) => /remove|forget/.test(name)));
    await banger.images.delete("debian-bookworm", { force: true });
    await banger.kernels.delete("generic-6.1", { force: true });
    assert.deepEqual(
      services.seen.filter(({ name }) => /remove|forget/.test(name)),
      [
        { name: "vms.forgetTemplates", args: [{ image: sampleImage.id }] },
        { name: "images.remove", args: [sampleImage.id, { force: true }] },
        { name: "vms.forgetTemplates", args: [{ kernel: "generic-6.1" }] },
        { name: "kernels.remove", args: ["generic-6.1"] },
      ],
    );
  });

  test("agree on bundles", async (t) => {
    const services = fakeServices();
    const { banger } = await serve(t, services);
    const pieces: Buffer[] = [];
    for await (const piece of banger.images.save("dev")) pieces.push(piece);
    assert.equal(Buffer.concat(pieces).toString(), "a bundle");
    let sent = "";
    services.on("images.load", async (bundle: AsyncIterable<Uint8Array>) => {
      for await (const piece of bundle) sent += Buffer.from(piece).toString();
      return sampleImage;
    });
    async function* bundle(): AsyncGenerator<Buffer> {
      yield Buffer.from("one, ");
      yield Buffer.from("two");
    }
    assert.deepEqual(await banger.images.load(bundle(), { name: "dev" }), sampleImage);
    assert.equal(sent, "one, two");
    services.on("images.load", () => {
      throw fault("bundle_invalid", { problem: "it has no manifest.json" });
    });
    await rejectsWith(
      banger.images.load(bundle()),
      "bundle_invalid",
      "the bundle cannot be used: it has no manifest.json",
    );
  });

  test("agree on the daemon itself", async (t) => {
    const services = fakeServices();
    const { banger } = await serve(t, services);
    assert.equal((await banger.info()).api, "v1");
    assert.equal((await banger.defaults()).image, "debian-bookworm");
    assert.deepEqual((await banger.doctor()).checks[0]?.verdict, "pass");
    assert.equal(await banger.shutdown(), true);
    assert.equal(services.stopped, true);
  });

  test("a kernel that a machine boots from is not removed", async (t) => {
    const services = fakeServices();
    const { banger } = await serve(t, services);
    await rejectsWith(
      banger.kernels.delete("used"),
      "kernel_in_use",
      'kernel "used" is used by the machine dev',
    );
    assert.deepEqual(services.seen, []);
  });
});

describe("pruning the cache", () => {
  test("is refused while something is being made", async (t) => {
    const services = fakeServices();
    const { banger } = await serve(t, services);
    const over = Promise.withResolvers<void>();
    services.operations.start("image.pull", "debian", () => over.promise);
    const message = 'the cache may be in use by image.pull of "debian"';
    await rejectsWith(banger.images.pruneCache(), "cache_busy", message);
    over.resolve();
  });
});

describe("logs", () => {
  test("come whole, and with follow go on as the file grows until the reader leaves", async (t) => {
    const services = fakeServices();
    const path = join(temporaryDirectory(t), "console.log");
    writeFileSync(path, "one\n");
    services.on("vms.logs", (_: string, { follow }: LogRequest, signal: AbortSignal) =>
      follow ? followFile(path, signal) : createReadStream(path),
    );
    const { banger } = await serve(t, services);
    let whole = "";
    for await (const piece of banger.vms.logs("dev")) whole += String(piece);
    assert.equal(whole, "one\n");

    let followed = "";
    for await (const piece of banger.vms.logs("dev", { follow: true })) {
      followed += String(piece);
      if (followed === "one\n") writeFileSync(path, "two\n", { flag: "a" });
      if (followed === "one\ntwo\n") break;
    }
    assert.equal(followed, "one\ntwo\n");
  });
});

describe("the query of logs", () => {
  test("says which, since when and how much", async (t) => {
    const services = fakeServices();
    const { banger, socket } = await serve(t, services);
    const options = { source: "all", since: "2026-01-01T00:00:00.000Z", tail: 5 } as const;
    for await (const _ of banger.vms.logs("dev", options));
    const request = { source: "all", follow: false, since: Date.parse(options.since), tail: 5 };
    assert.deepEqual(services.seen, [{ name: "vms.logs", args: ["dev", request] }]);
    for (const query of ["source=kernel", "since=yesterday", "tail=-1", "tail=many"]) {
      assert.equal((await fetchRaw(socket, "GET", `/v1/vms/dev/logs?${query}`)).status, 400, query);
    }
  });

  test("of a wait names what is waited for", async (t) => {
    const services = fakeServices();
    const { banger, socket } = await serve(t, services);
    assert.deepEqual(await banger.vms.wait("dev", { for: ["system", "port:80"], timeout: 2.5 }), sampleVm);
    assert.deepEqual(services.seen, [
      { name: "vms.wait", args: ["dev", { for: ["system", "port:80"], timeout: 2.5 }] },
    ]);
    for (const body of ['{"for":[]}', '{"for":["moon"]}', '{"timeout":-1}']) {
      assert.equal((await fetchRaw(socket, "POST", "/v1/vms/dev/wait", body)).status, 400, body);
    }
  });
});

test("the socket and its directory are for their owner only", async (t) => {
  const { socket } = await serve(t, fakeServices());
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(socket)).mode & 0o777, 0o700);
});
