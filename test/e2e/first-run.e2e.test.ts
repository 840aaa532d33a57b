import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Image } from "../../src/model/image.ts";
import type { Kernel } from "../../src/model/kernel.ts";
import { slim, TestHost } from "./support/host.ts";

describe("the first run", () => {
  let host: TestHost;
  before(() => {
    host = new TestHost();
  });
  after(async () => await host[Symbol.asyncDispose]());

  test("makes what is missing, shows it, runs the command and leaves no machine", async () => {
    const first = await host.run(["vm", "run", "--rm", "--image", slim, "--", "uname", "-a"], {
      timeout: 900_000,
    });
    assert.equal(first.status, 0, first.err);
    assert.match(first.out, /^Linux \S+ 6\.1\.\S+-cloud-amd64 .* x86_64 GNU\/Linux\n$/);
    assert.match(first.err, /^spec: \d+ vcpu · \S+ \S+ memory · 8 GiB disk · debian-bookworm-slim$/m);
    assert.deepEqual(await host.vms(), []);
    const images = await host.json<Image[]>(["image", "list"]);
    assert.ok(images.some(({ name }) => name === slim));
    const kernels = await host.json<Kernel[]>(["kernel", "list"]);
    assert.ok(kernels.some(({ name }) => name === "generic-6.1"));
  });

  test("is the only one that fetches: the second finds everything", async () => {
    const second = await host.run(["vm", "run", "--rm", "--image", slim, "--", "true"]);
    assert.equal(second.status, 0, second.err);
    assert.doesNotMatch(second.err, /pulling|downloading|catalog/);
  });

  test("of an image that is nowhere says so, and creates nothing", async () => {
    const { status, out, err } = await host.run(["vm", "run", "--rm", "--image", "debain", "--", "true"]);
    assert.equal(status, 1);
    assert.equal(out, "");
    assert.match(err, /error: image "debain" not found/);
    assert.match(err, /debian-bookworm and debian-bookworm-slim/);
    assert.deepEqual(await host.vms(), []);
    assert.deepEqual(readdirSync(`${host.state}/vms`), []);
  });

  test("with a kernel that is nowhere says so, and creates nothing", async () => {
    const args = ["vm", "run", "--rm", "--image", slim, "--kernel", "generic-9", "--", "true"];
    const { status, err } = await host.run(args);
    assert.equal(status, 1);
    assert.match(err, /error: kernel "generic-9" not found/);
    assert.deepEqual(await host.vms(), []);
  });
});
