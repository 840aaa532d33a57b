import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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

describe("an image that is built by steps", () => {
  const build = ["image", "build", "--from", slim];

  test("has what they made, in their order, and runs with the variables", async () => {
    const app = join(host.home, "app");
    mkdirSync(join(app, "sub"), { recursive: true });
    writeFileSync(join(app, "sub", "data"), "of the host\n");
    const script = join(host.home, "setup.sh");
    writeFileSync(script, "#!/bin/bash\nset -e\ncat /srv/app/sub/data\necho $COLOUR > /root/made\n");
    chmodSync(script, 0o600);
    const steps = [
      "--copy",
      `${app}:/srv/app`,
      "--run",
      script,
      "--run-command",
      "echo second >> /root/made",
    ];
    const built = await host.run([
      ...build,
      ...steps,
      "--env",
      "COLOUR=red",
      "--name",
      "made-build",
      "--json",
    ]);
    assert.equal(built.status, 0, built.err);
    assert.match(built.err, /^of the host$/m);
    const image = JSON.parse(built.out) as Image;
    assert.equal(image.origin?.steps?.length, 3);
    const ask = checked(image);
    assert.equal(ask("cat /root/made"), "red\nsecond\n");
    assert.equal(ask("cat /etc/machine-id"), "");
    const shown = "cat /root/made /srv/app/sub/data; echo $COLOUR; ls /run/banger-build 2>&1 | wc -l";
    const out = await host.ok(["vm", "run", "--rm", "--image", "made-build", "-q", "--", "sh", "-c", shown]);
    assert.equal(out, "red\nsecond\nof the host\nred\n1");
    await host.ok(["image", "delete", "made-build"]);
  });

  test("is not there when a step fails or Ctrl-C comes, and neither is its machine", async () => {
    const failed = await host.run([
      ...build,
      "--run-command",
      "echo oops >&2; exit 9",
      "--name",
      "made-failed",
    ]);
    assert.equal(failed.status, 1);
    assert.match(failed.err, /step 1 of 1 of building "made-failed" ended with status 9 .*: oops$/m);
    const child = host.start([
      ...build,
      "--run-command",
      "echo begun; sleep 600",
      "--name",
      "made-cancelled",
    ]);
    const ended = once(child, "close");
    assert.ok(child.stderr && child.stdout);
    child.stdout.resume();
    let seen = "";
    for await (const chunk of child.stderr) {
      seen += String(chunk);
      if (/^begun$/m.test(seen)) child.kill("SIGINT");
    }
    assert.deepEqual(await ended, [130, null]);
    assert.deepEqual(await host.vms(), []);
    const names = (await host.json<Image[]>(["image", "list"])).map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => name.startsWith("made-")),
      [],
    );
  });
});
