import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { TarInput } from "../../src/archive/tar/write.ts";
import type { Image } from "../../src/model/image.ts";
import { file } from "../archive/support.ts";
import { makeImage, writeLayout } from "../image/oci/support/image.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { TestHost } from "./support/host.ts";
import { push, startRegistry, withoutRegistry } from "./support/registry.ts";

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

describe("an image of a registry", { skip: withoutRegistry }, () => {
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
    await push(layout, "it", reference);
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

  test("of one static program without a shell runs it, and says that there is no shell", async (t) => {
    await using host = new TestHost();
    const registry = await startRegistry(t);
    const layout = temporaryDirectory(t);
    const program = file("busybox", readFileSync("/bin/busybox"), { mode: 0o755 });
    const plain = { Entrypoint: ["/busybox", "echo", "from scratch:"] };
    writeLayout(layout, "scratch", await makeImage([[program]], { config: plain }));
    const nobody = [
      file(
        "etc/passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
      ),
      file("etc/os-release", 'ID=debian\nPRETTY_NAME="Distroless"\n'),
      { ...file("home/nonroot"), type: "directory" as const, mode: 0o700, uid: 65532, gid: 65532 },
    ];
    const config = { User: "65532", WorkingDir: "/home/nonroot", Env: ["PATH=/app"] };
    const app = file("app/busybox", readFileSync("/bin/busybox"), { mode: 0o755 });
    writeLayout(layout, "distroless", await makeImage([nobody, [app]], { config, compression: "zstd" }));
    const references = ["scratch", "distroless"].map((name) => `${registry}/team/${name}:1`);
    const [scratch = "", distroless = ""] = references;
    await push(layout, "distroless", distroless);
    const other = temporaryDirectory(t);
    writeLayout(other, "scratch", await makeImage([[program]], { config: plain }));
    await push(other, "scratch", scratch);
    try {
      const ran = await host.run(["vm", "run", "--rm", "--image", scratch, "--", "hello"]);
      assert.deepEqual([ran.status, ran.out], [0, "from scratch: hello\n"], ran.err);
      await host.ok(["vm", "run", "--detach", "--name", "less", "--image", distroless]);
      const said = await host.ok(["vm", "exec", "less", "--", "/app/busybox", "id", "-u"]);
      assert.equal(said, "65532");
      assert.equal(await host.ok(["vm", "exec", "less", "--", "busybox", "pwd"]), "/home/nonroot");
      const shell = await host.run(["vm", "run", "--rm", "--image", scratch]);
      assert.notEqual(shell.status, 0);
      assert.match(shell.err, /no shell|\/bin\/sh/);
      const second = await host.run(["vm", "run", "--rm", "--image", scratch, "--", "again"]);
      assert.equal(second.out, "from scratch: again\n");
      assert.doesNotMatch(second.err, /pulling/);
    } finally {
      await host.run(["vm", "delete", "less"]);
      await host.run(["image", "delete", ...references]);
    }
  });
});
