import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { file, pack } from "../archive/support.ts";
import { imageOf, type MadeImage, writeLayout } from "../image/oci/support/image.ts";
import { listingOfExt4, listingOfHost } from "../image/oci/support/listing.ts";
import { flattened, umociUnpack, wantedLayers } from "../image/oci/support/unpack.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { TestHost } from "./support/host.ts";
import { push, startRegistry, withoutRegistry } from "./support/registry.ts";

const isRoot = process.getuid?.() === 0;
const skip =
  withoutRegistry || ((!isRoot || !existsSync("/usr/bin/mmdebstrap")) && "needs root and mmdebstrap");

describe("Debian as an image of two layers", { skip }, () => {
  const folder = temporaryDirectory({ after: (work) => after(work as () => void) });
  let image: MadeImage;

  before(async () => {
    const base = join(folder, "base.tar");
    const args = ["--mode=root", "--variant=minbase", "--include=systemd-sysv,dbus", "bookworm", base];
    execFileSync("mmdebstrap", args, { stdio: "pipe" });
    const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
    const above = await pack(
      file("etc/.wh.issue"),
      file("usr/share/doc/.wh..wh..opq"),
      file("usr/share/doc/mine", "mine\n"),
      { ...file("usr/bin/also-dash"), type: "hardlink", link: Buffer.from("usr/bin/dash") },
      file("usr/bin/capable", "#!/bin/sh\n", {
        mode: 0o755,
        xattrs: new Map([["security.capability", capability]]),
      }),
      file("etc/os-release.d", "x", { uid: 100_000, gid: 70_000 }),
    );
    image = imageOf([readFileSync(base), above]);
  });

  test("is what umoci makes of it, file by file", async () => {
    const layout = join(folder, "layout");
    writeLayout(layout, "it", image);
    umociUnpack(layout, "it", join(folder, "bundle"));
    const { reader, init, distro } = await flattened(wantedLayers(folder, image), join(folder, "image"));
    assert.deepEqual([init, distro], ["/sbin/init", "debian"]);
    const options = { directoryTimes: false };
    const ours = listingOfExt4(reader, options);
    assert.ok(Object.keys(ours).length > 5000);
    assert.deepEqual(ours, listingOfHost(join(folder, "bundle", "rootfs"), options));
  });

  test("boots its systemd", async (t) => {
    await using host = new TestHost();
    const registry = await startRegistry(t);
    const reference = `${registry}/debian:bookworm`;
    await push(join(folder, "layout"), "it", reference);
    try {
      await host.ok(["vm", "run", "--detach", "--name", "deb", "--image", reference]);
      assert.match(
        await host.guest("deb", "readlink /proc/1/exe; cat /usr/share/doc/mine"),
        /\/systemd\nmine$/,
      );
      assert.match(await host.systemState("deb"), /^(running|degraded)$/);
    } finally {
      await host.run(["vm", "delete", "deb"]);
      await host.run(["image", "delete", reference]);
    }
  });
});
