import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Context } from "../../../src/lib/context.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { sampleImage, sampleKernel } from "../../support/fake-services.ts";
import { servedWorld } from "../world.ts";

describe("image", () => {
  test("list prints a table, ids or JSON", async (context) => {
    const expected = {
      "": [
        "ID            NAME             KERNEL        SIZE     USED  CREATED",
        "ba9876543210  debian-bookworm  generic-6.1  1 GiB  256 MiB  2 minutes ago",
        "",
      ].join("\n"),
      "-q": "ba9876543210\n",
      "--json": `${JSON.stringify([sampleImage], null, 2)}\n`,
    };
    for (const [flag, text] of Object.entries(expected)) {
      const { world } = await servedWorld(context);
      assert.equal(await world.run("image", "list", ...(flag === "" ? [] : [flag])), 0);
      assert.equal(world.stdout.text, text);
    }
  });

  test("list shows a broken image with what is known of it", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("images.list", () => [
      sampleImage,
      { id: "bad000000000", name: "bad000000000", used: 512, problem: "no manifest" },
    ]);
    await world.run("image", "ls");
    const lines = world.stdout.text.split("\n");
    assert.match(lines[0] ?? "", /CREATED +PROBLEM$/);
    assert.match(lines[2] ?? "", /^bad000000000 {2}bad000000000 +512 B +no manifest$/);
  });

  test("show prints what there is to know", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("image", "show", "debian-bookworm"), 0);
    assert.equal(
      world.stdout.text,
      `name:          debian-bookworm
id:            ba9876543210
distribution:  debian
architecture:  amd64
kernel:        generic-6.1
init:          /sbin/init
size:          1 GiB
on disk:       256 MiB
sha256:        ${"0".repeat(64)}
source:        debian: bookworm
created:       2026-01-01T00:00:00.000Z (2 minutes ago)
`,
    );
  });

  test("build passes its steps on in the order of the command line", async (context) => {
    const { world, services } = await servedWorld(context);
    const copies = ["--copy", "a:b/c:/srv/app", "--copy=./app/.:/srv"];
    const steps = ["--run-command", "one", ...copies, "--run", "/setup.sh", "--run-command=two"];
    const more = ["--env", "A=1", "--nat", "--size", "4G", "--keep-failed"];
    assert.equal(await world.run("image", "build", "--from", "slim", ...steps, "--name", "dev", ...more), 0);
    assert.equal(world.stdout.text, "ba9876543210\n");
    const here = process.cwd();
    assert.deepEqual(services.seen[0], {
      name: "vms.buildImage",
      args: [
        {
          from: "slim",
          name: "dev",
          steps: [
            { kind: "command", command: "one" },
            { kind: "copy", source: `${here}/a:b/c`, target: "/srv/app" },
            { kind: "copy", source: `${here}/app/.`, target: "/srv" },
            { kind: "run", script: "/setup.sh" },
            { kind: "command", command: "two" },
          ],
          env: ["A=1"],
          size: 4 * 2 ** 30,
          nat: true,
          keepFailed: true,
        },
      ],
    });
  });

  test("build is refused without a base, without a name, and with a copy to nowhere", async (context) => {
    const cases = {
      "`banger image build` needs --from IMAGE": ["--name", "x"],
      "`banger image build` needs --name NAME": ["--from", "x"],
      '--copy is "a:b", expected SRC:DST with an absolute DST': [
        "--from",
        "x",
        "--name",
        "y",
        "--copy",
        "a:b",
      ],
    };
    for (const [message, words] of Object.entries(cases)) {
      const { world } = await servedWorld(context);
      assert.equal(await world.run("image", "build", ...words), 2);
      assert.equal(world.stderr.text.split("\n")[0], `error: ${message}`);
    }
  });

  test("show says what an image was made from and who uses it, once it is verified", async (context) => {
    const { world, services } = await servedWorld(context);
    const origin = {
      image: { id: "aaa000000000", name: "slim", sha256: "0" },
      steps: ["--run /x.sh", "--copy a:/b"],
    };
    services.on("images.verify", () => ({ ...sampleImage, origin, vms: ["dev", "web"] }));
    assert.equal(await world.run("image", "show", "--verify", "dev"), 0);
    assert.match(world.stdout.text, /^made from: +slim \(aaa000000000\)$/m);
    assert.match(world.stdout.text, /^step 1: +--run \/x\.sh\nstep 2: +--copy a:\/b$/m);
  });

  test("rename prints the new name", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("image", "rename", "dev", "old"), 0);
    assert.equal(world.stdout.text, "debian-bookworm\n");
    assert.deepEqual(services.seen[0], { name: "images.rename", args: ["dev", "old"] });
  });

  test("delete takes force", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("image", "delete", "-f", "dev"), 0);
    assert.deepEqual(services.seen[0], { name: "images.show", args: ["dev"] });
    assert.deepEqual(services.seen.at(-1), {
      name: "images.remove",
      args: [sampleImage.id, { force: true }],
    });
  });

  test("prune names the images and asks first", async (context) => {
    const deleted = [{ id: "aaa000000000", name: "dev", used: 2 ** 20 }];
    const answer = (_: unknown) => ({ deleted, freed: 2 ** 20, dryRun: false });
    const { world, services } = await servedWorld(context);
    services.on("images.prune", answer);
    assert.equal(await world.run("image", "prune"), 2);
    assert.match(world.stderr.text, /there is no terminal to ask on: use `banger image prune --force`/);
    const { world: other, services: more } = await servedWorld(context);
    more.on("images.prune", answer);
    assert.equal(await other.run("image", "prune", "--all", "-f"), 0);
    assert.equal(other.stdout.text, "dev\n");
    assert.equal(other.stderr.text, "deleted 1 image, freed 1 MiB\n");
    assert.deepEqual(more.seen[0]?.args, [{ all: true, dryRun: false }]);
    const { world: dry, services: planned } = await servedWorld(context);
    planned.on("images.prune", answer);
    assert.equal(await dry.run("image", "prune", "--dry-run"), 0);
    assert.equal(dry.stderr.text, "would delete 1 image, freeing 1 MiB\n");
  });

  test("cache prune says what each directory gave", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("pruneCache", () => ({
      directories: [{ path: "/cache/blobs", files: 2, bytes: 2 ** 21 }],
      files: 2,
      freed: 2 ** 21,
      dryRun: true,
    }));
    assert.equal(await world.run("image", "cache", "prune", "--dry-run"), 0);
    assert.equal(world.stdout.text, "/cache/blobs: 2 files, 2 MiB\n");
    assert.equal(world.stderr.text, "would free 2 MiB in 2 files\n");
  });

  test("pull shows its stages and prints the id", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("images.pull", (_: string, work: Context) => {
      work.report({
        stage: "image.pull",
        state: "started",
        message: "pulling debian-bookworm from the image catalog",
      });
      return sampleImage;
    });
    assert.equal(await world.run("image", "pull", "debian-bookworm"), 0);
    assert.equal(world.stdout.text, "ba9876543210\n");
    assert.equal(world.stderr.text, "pulling debian-bookworm from the image catalog\n");
    assert.deepEqual(services.seen[0]?.args, ["debian-bookworm", { insecure: false }]);
  });

  test("pull of a reference passes on what was asked for", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("images.pull", () => sampleImage);
    const more = [
      "--name",
      "dev",
      "--platform",
      "linux/386",
      "--kernel-ref",
      "mine",
      "--size",
      "2G",
      "--insecure",
    ];
    assert.equal(await world.run("image", "pull", "reg.io/a:1", ...more), 0);
    const request = { as: "dev", platform: "linux/386", kernel: "mine", size: 2 * 2 ** 30, insecure: true };
    assert.deepEqual(services.seen[0]?.args, ["reg.io/a:1", request]);
  });

  test("pull of what is in no catalog names what is", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("images.pull", (name: string) => {
      throw fault("image_not_found", { name, available: ["debian-bookworm"] });
    });
    assert.equal(await world.run("image", "pull", "nix"), 1);
    assert.equal(
      world.stderr.text,
      'error: image "nix" not found\n╰▶ hint: Use one of: debian-bookworm (docs/errors.md#image_not_found)\n',
    );
  });

  test("delete says what it freed, for each", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("image", "rm", "a", "b"), 0);
    assert.equal(world.stdout.text, "ba9876543210 deleted, freed 4 KiB\n".repeat(2));
  });
});

describe("kernel", () => {
  test("list prints local kernels", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("kernel", "list"), 0);
    assert.equal(
      world.stdout.text,
      [
        "NAME         RELEASE               DISTRO    USED  CREATED",
        "generic-6.1  6.1.0-56-cloud-amd64  debian  64 MiB  2 minutes ago",
        "",
      ].join("\n"),
    );
  });

  test("list --available prints the catalog and which of it is local", async (context) => {
    const { world, services } = await servedWorld(context);
    const source = { kind: "debian", suite: "trixie", package: "linux-image-cloud-amd64" };
    services.on("kernels.available", () => [
      { name: "generic-6.12", description: "Debian 13", arch: "amd64", source, state: "available" },
    ]);
    assert.equal(await world.run("kernel", "list", "--available"), 0);
    assert.equal(
      world.stdout.text,
      "NAME          STATE      ARCH   DESCRIPTION\ngeneric-6.12  available  amd64  Debian 13\n",
    );
  });

  test("show prints what there is to know", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("kernel", "show", "generic-6.1"), 0);
    assert.match(world.stdout.text, /^release: {7}6\.1\.0-56-cloud-amd64$/m);
    assert.match(world.stdout.text, /^on disk: {7}64 MiB$/m);
  });

  test("pull passes --force on and prints the name", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("kernel", "pull", "--force", "generic-6.1"), 0);
    assert.deepEqual(services.seen[0]?.args, ["generic-6.1", { force: true }]);
    assert.equal(world.stdout.text, "generic-6.1\n");
  });

  test("rm is refused while a machine boots from it", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("kernel", "rm", "used"), 1);
    assert.match(world.stderr.text, /^error: kernel "used" is used by the machine dev\n/);
  });

  test("lists and shows as JSON what the daemon said", async (context) => {
    const { world } = await servedWorld(context);
    await world.run("kernel", "show", "--json", "generic-6.1");
    assert.deepEqual(JSON.parse(world.stdout.text), sampleKernel);
  });
});
