import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { TarInput } from "../../src/archive/tar/write.ts";
import type { Image } from "../../src/model/image.ts";
import { file } from "../archive/support.ts";
import { makeImage, writeLayout } from "../image/oci/support/image.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { TestHost } from "./support/host.ts";

const missing = ["/usr/bin/docker-registry", "/usr/bin/skopeo", "/bin/busybox"].filter(
  (path) => !existsSync(path),
);

/** A real registry on loopback, without TLS, that ends with the test. */
async function startRegistry(t: TestContext): Promise<string> {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const storage = `storage: {filesystem: {rootdirectory: ${directory}}}`;
  const config = join(directory, "config.yml");
  writeFileSync(config, `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: "127.0.0.1:${port}"}\n`);
  const child: ChildProcess = spawn("/usr/bin/docker-registry", ["serve", config], { stdio: "ignore" });
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "close");
  });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return `127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(address && typeof address === "object");
  return address.port;
}

/** A system of BusyBox alone, in two layers of which the second takes something away from the first. */
function busybox(): TarInput[][] {
  const tools = ["sh", "cat", "id", "pwd", "env", "ls", "echo"].map((name) => link(`bin/${name}`, "busybox"));
  const accounts = "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/work:/bin/sh\n";
  return [
    [
      file("bin/busybox", readFileSync("/bin/busybox"), { mode: 0o755 }),
      ...tools,
      file("etc/os-release", "ID=boxed\n"),
      file("etc/passwd", accounts),
      file("etc/secret", "not for everybody"),
    ],
    [file("etc/.wh.secret"), file("work/hello", "hello from the second layer\n", { uid: 1000, gid: 1000 })],
  ];
}

function link(path: string, target: string): TarInput {
  return { ...file(path), type: "symlink", size: 0, link: Buffer.from(target) };
}

describe("an image of a registry", {
  skip: missing.length > 0 && `not installed: ${missing.join(", ")}`,
}, () => {
  test("boots without systemd, and runs commands as its configuration says", async (t) => {
    await using host = new TestHost();
    const registry = await startRegistry(t);
    const layout = temporaryDirectory(t);
    const config = {
      Env: ["PATH=/bin", "GREETING=good day"],
      User: "bob",
      WorkingDir: "/work",
      Cmd: ["/bin/never"],
    };
    writeLayout(layout, "it", await makeImage(busybox(), { config }));
    const reference = `${registry}/team/boxed:1`;
    const pushed = ["copy", "--dest-tls-verify=false", `oci:${layout}:it`, `docker://${reference}`];
    execFileSync("skopeo", pushed, { stdio: "pipe" });
    try {
      const script = "id -un; pwd; echo $GREETING; cat hello; ls /etc/secret 2>&1; exit 7";
      const ran = await host.run(["vm", "run", "--rm", "--image", reference, "--", "sh", "-c", script]);
      assert.equal(
        ran.out,
        "bob\n/work\ngood day\nhello from the second layer\nls: /etc/secret: No such file or directory\n",
        ran.err,
      );
      assert.equal(ran.status, 7);
      assert.match(ran.err, /pulling 127\.0\.0\.1:\d+\/team\/boxed:1/);
      const image = JSON.parse(await host.ok(["image", "show", reference, "--json"])) as Image | Image[];
      const [shown] = Array.isArray(image) ? image : [image];
      assert.equal(shown?.distro, "boxed");
      assert.equal(shown?.init, undefined);
      assert.equal(shown?.source?.kind, "oci");
    } finally {
      await host.run(["image", "delete", reference]);
    }
  });

  test("that is not there is told apart from a registry that is not", async (t) => {
    await using host = new TestHost();
    const registry = await startRegistry(t);
    const absent = await host.run(["image", "pull", `${registry}/team/absent:1`]);
    assert.equal(absent.status, 1);
    assert.match(absent.err, /has no "127\.0\.0\.1:\d+\/team\/absent:1"/);
    const port = await freePort();
    const nowhere = await host.run(["image", "pull", `127.0.0.1:${port}/team/boxed:1`]);
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.err, /cannot be used: connection refused/);
  });
});
