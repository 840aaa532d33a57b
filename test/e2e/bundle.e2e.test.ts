import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { DebianArchive } from "../../src/debian/archive.ts";
import { findKernelPackage } from "../../src/kernel/find-package.ts";
import { readBzImage, unpackBzImage } from "../../src/kernel/inspect/bzimage.ts";
import { unpackKernel } from "../../src/kernel/unpack.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { configSchema } from "../../src/model/config.ts";
import type { Image } from "../../src/model/image.ts";
import { Signer } from "../support/minisign.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { slim, TestHost } from "./support/host.ts";

const context = detachedContext();
const hasMinisign = spawnSync("minisign", ["-v"]).status !== null;

/** A kernel of Debian's archive as a bzImage and as the ELF image inside it, and its modules. */
async function debianKernel(t: Pick<TestContext, "after">) {
  const folder = temporaryDirectory(t);
  const { mirror, security_mirror: securityMirror } = configSchema.parse({}).archive;
  const archive = new DebianArchive({ mirror, securityMirror, downloads: join(folder, "downloads") });
  try {
    const source = { kind: "debian", suite: "bookworm", package: "linux-image-cloud-amd64" } as const;
    const deb = await archive.fetch(await findKernelPackage(archive, source, context), context);
    const vmlinuz = join(folder, "vmlinuz");
    const to = { vmlinuz, tree: join(folder, "tree") };
    const { release, modules } = await unpackKernel("debian", deb, to, context.signal);
    const vmlinux = join(folder, "vmlinux");
    await using file = await open(vmlinuz);
    const { payload } = (await readBzImage(file)) ?? {};
    assert.ok(payload);
    const inside = await unpackBzImage(file, payload, context.signal);
    assert.ok(typeof inside !== "string");
    await writeFile(vmlinux, inside);
    return { vmlinuz, vmlinux, modules, release };
  } finally {
    archive.close();
  }
}

describe("images and kernels that are brought along", () => {
  const host = new TestHost();
  const folder = mkdtempSync(join(tmpdir(), "banger-bundle-"));
  const bundle = join(folder, "slim.tar.zst");
  const signer = new Signer();
  const catalog = join(folder, "catalog.json");

  before(async () => {
    const config = join(host.env.XDG_CONFIG_HOME as string, "banger");
    mkdirSync(config, { recursive: true });
    const lines = [`url = "${pathToFileURL(catalog).href}"`, `public_key = "${signer.publicKey}"`];
    writeFileSync(join(config, "config.toml"), `[[catalogs]]\nname = "team"\n${lines.join("\n")}\n`);
    await host.run(["image", "pull", slim]);
    await host.run(["image", "delete", "brought", "team-dev", "doomed"]);
    await host.run(["kernel", "rm", "--force", "own-bz", "own-elf"]);
  });

  after(async () => {
    await host.run(["vm", "delete", "elf", "bz"]);
    await host.run(["image", "delete", "brought", "team-dev", "doomed"]);
    await host.run(["kernel", "rm", "--force", "own-bz", "own-elf"]);
    await host[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("an image is saved and loaded, the same to the byte and as sparse", async () => {
    assert.equal(await host.ok(["image", "save", slim, "-o", bundle]), bundle);
    const names = String(execFileSync("tar", ["--zstd", "-tf", bundle]))
      .trim()
      .split("\n");
    assert.deepEqual(names, ["manifest.json", "rootfs.ext4"]);
    await host.ok(["image", "load", bundle, "--name", "brought"]);
    const [original, loaded] = await host.json<Image[]>(["image", "show", slim, "brought"]);
    assert.ok(original?.rootfs && loaded?.rootfs);
    assert.equal(loaded.rootfs.sha256, original.rootfs.sha256);
    assert.ok(loaded.used <= original.used * 1.05, `${loaded.used} of ${original.used} bytes`);
    const file = join(host.state, "images", loaded.id, "rootfs.ext4");
    assert.equal(spawnSync("e2fsck", ["-fn", file]).status, 0);
    assert.equal(String(execFileSync("sha256sum", [file])).split(" ")[0], original.rootfs.sha256);
    const again = await host.run(["image", "load", "-", "--name", "brought"], {
      input: readFileSync(bundle),
    });
    assert.equal(again.status, 1);
    assert.match(again.err, /error: image "brought" exists already/);
  });

  test("a kernel boots as an ELF image and as a bzImage, with images that were loaded and not", async (t) => {
    const { vmlinuz, vmlinux, modules, release } = await debianKernel(t);
    for (const [name, from] of [
      ["own-elf", vmlinux],
      ["own-bz", vmlinuz],
    ] as const) {
      const { err } = await host.run([
        "kernel",
        "import",
        "--from",
        from,
        "--modules",
        modules,
        "--name",
        name,
      ]);
      assert.match(err, /no configuration was found/);
    }
    const [elf] = await host
      .json<{ source: string; release: string }[]>(["kernel", "list"])
      .then((all) => all.filter(({ source }) => source.endsWith("(ELF image)")));
    assert.equal(elf?.release, release);
    await host.ok(["vm", "run", "-d", "--name", "elf", "--image", "brought", "--kernel", "own-elf"]);
    const script =
      "uname -r; modprobe overlay && grep -c ^overlay /proc/modules; cat /etc/os-release | head -1";
    const seen = await host.guest("elf", script);
    assert.deepEqual(seen.split("\n").slice(0, 2), [release, "1"]);
    const refused = await host.run(["kernel", "rm", "--force", "own-elf"]);
    assert.match(refused.err, /error: kernel "own-elf" is used by the machine elf/);
    await host.ok(["vm", "delete", "elf"]);
    const ran = await host.ok([
      "vm",
      "run",
      "--rm",
      "--image",
      slim,
      "--kernel",
      "own-bz",
      "--",
      "uname",
      "-r",
    ]);
    assert.equal(ran, release);
  });

  test("a kernel that an image names is kept, and says by what", async () => {
    const { err, status } = await host.run(["kernel", "rm", "generic-6.1"]);
    assert.equal(status, 1);
    assert.match(err, /error: kernel "generic-6\.1" is used by the image /);
  });

  test("a signed catalog's image is pulled by its name, after a source that is gone", async () => {
    const content = readFileSync(bundle);
    const pin = { sha256: createHash("sha256").update(content).digest("hex"), size: content.length };
    const sources = [
      { kind: "bundle", url: "file:///nowhere/dev.tar.zst", ...pin },
      { kind: "bundle", url: pathToFileURL(bundle).href, ...pin },
    ];
    const entry = {
      name: "team-dev",
      description: "the team's",
      arch: "amd64",
      distro: "debian",
      kernel: "generic-6.1",
      sources,
    };
    const document = JSON.stringify({ version: 1, created: new Date().toISOString(), images: [entry] });
    writeFileSync(catalog, document);
    writeFileSync(`${catalog}.minisig`, new Signer().sign(Buffer.from(document)));
    const forged = await host.run(["catalog", "update"]);
    assert.match(forged.err, /its signature is refused: it was made with the key /);
    writeFileSync(`${catalog}.minisig`, signer.sign(Buffer.from(document)));
    if (hasMinisign)
      execFileSync("minisign", ["-V", "-P", signer.publicKey, "-m", catalog], { stdio: "pipe" });
    await host.ok(["catalog", "update"]);
    const { err } = await host.run(["image", "pull", "team-dev"]);
    assert.match(err, /source bundle of team-dev failed, trying the next: .*there is no such file/);
    const available = await host.json<{ name: string; state: string; catalog: string }[]>([
      "image",
      "list",
      "--available",
    ]);
    assert.deepEqual(
      available.filter(({ catalog: one }) => one === "team").map(({ name, state }) => [name, state]),
      [["team-dev", "local"]],
    );
  });

  test("a daemon that is killed while an image is loaded leaves nothing of it", async () => {
    const images = join(host.state, "images");
    const listed = (): string[] =>
      readdirSync(images)
        .filter((name) => name !== ".locks")
        .sort();
    await host.ok(["image", "list"]);
    const before = listed();
    const loading = host.run(["image", "load", bundle, "--name", "doomed"]);
    const staged = await until(() => listed().find((name) => name.startsWith(".staging-")));
    assert.ok(staged);
    process.kill(host.daemonPid() ?? 0, "SIGKILL");
    assert.notEqual((await loading).status, 0);
    await host.ok(["image", "list"]);
    assert.deepEqual(listed(), before);
    await host.ok(["image", "load", bundle, "--name", "doomed"]);
  });

  test("a full disk is said, and nothing is left on it", {
    skip: process.getuid?.() !== 0 && "not root",
  }, async () => {
    const small = join(folder, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", small]);
    try {
      const saved = await host.run(["image", "save", slim, "-o", join(small, "slim.tar.zst")]);
      assert.equal(saved.status, 1);
      assert.match(saved.err, /error: no space left at /);
      assert.deepEqual(readdirSync(small), []);
      const env = { XDG_STATE_HOME: small, XDG_RUNTIME_DIR: join(folder, "r") };
      mkdirSync(env.XDG_RUNTIME_DIR);
      const loaded = await host.run(["image", "load", bundle], { env });
      assert.equal(loaded.status, 1);
      assert.match(loaded.err, /error: no space left at /);
      const left = readdirSync(join(small, "banger", "images")).filter((name) => name !== ".locks");
      assert.deepEqual(left, []);
      await host.run(["daemon", "stop"], { env });
    } finally {
      execFileSync("umount", ["-l", small]);
    }
    assert.ok(existsSync(bundle) && statSync(bundle).size > 0);
  });
});

async function until<T>(look: () => T | undefined): Promise<T | undefined> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return undefined;
}
