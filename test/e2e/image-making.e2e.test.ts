import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Image } from "../../src/model/image.ts";
import { slim, TestHost } from "./support/host.ts";

const host = new TestHost();
const mine = ["made-commit", "made-build", "made-other", "made-failed", "made-cancelled"];

after(async () => {
  await host.run(["image", "delete", ...mine]);
  await host[Symbol.asyncDispose]();
});

/** What e2fsck and debugfs, which are not ours, say of an image. */
function checked(image: Image): (command: string) => string {
  const path = join(host.state, "images", image.id, "rootfs.ext4");
  execFileSync("e2fsck", ["-fn", path], { stdio: ["ignore", "pipe", "pipe"] });
  return (command) =>
    execFileSync("debugfs", ["-R", command, path], { stdio: ["ignore", "pipe", "ignore"] }).toString();
}

describe("an image of a machine's disk", () => {
  let image: Image;

  before(async () => {
    await host.ok(["vm", "create", "--name", "source", "--image", slim, "--disk", "2G", "-q"]);
    const secret = "dd if=/dev/urandom of=/root/junk bs=1M count=40 2>/dev/null && sync && rm /root/junk";
    await host.guest("source", `echo kept > /root/mark && ${secret} && sync`);
    const running = await host.run(["vm", "commit", "source", "--name", "made-commit"]);
    assert.match(running.err, /^error: vm "source" is running; to commit it it must be stopped$/m);
    // So that its journal waits.
    await host.ok(["vm", "kill", "source"]);
    image = await host.json<Image>(["vm", "commit", "source", "--name", "made-commit", "-q"]);
  });

  test("is a clean file system with the machine's files and without its identity", async () => {
    const ask = checked(image);
    assert.equal(ask("cat /root/mark"), "kept\n");
    assert.equal(ask("cat /etc/machine-id"), "");
    assert.doesNotMatch(ask("ls -p /etc/ssh"), /ssh_host/);
    assert.equal(image.rootfs?.size, 2 ** 31);
    const [base] = (await host.json<Image[]>(["image", "list"])).filter(({ name }) => name === slim);
    assert.ok(base);
    assert.equal(image.origin?.image.id, base.id);
    assert.ok(image.used < base.used + 30 * 2 ** 20, "what was deleted takes no room");
  });

  test("boots into machines of their own", async () => {
    const script = "cat /root/mark /etc/machine-id; ls /etc/ssh/ssh_host_*";
    const out = await host.ok([
      "vm",
      "run",
      "--rm",
      "--image",
      "made-commit",
      "-q",
      "--",
      "sh",
      "-c",
      script,
    ]);
    const [mark, id, ...keys] = out.split("\n");
    assert.equal(mark, "kept");
    assert.match(id ?? "", /^[0-9a-f]{32}$/);
    assert.deepEqual(keys, ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub"]);
  });

  test("does not need the machine, and leaves nothing but itself", async () => {
    await host.ok(["vm", "delete", "source"]);
    assert.deepEqual(readdirSync(join(host.state, "vms")), []);
    const manifest = JSON.parse(readFileSync(join(host.state, "images", image.id, "manifest.json"), "utf8"));
    assert.equal(manifest.origin.vm.name, "source");
    await host.ok(["image", "delete", "made-commit"]);
  });
});
