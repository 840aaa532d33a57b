import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { Release } from "../../../src/debian/release.ts";
import { DebianBuilder } from "../../../src/image/debian/builder.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { identify } from "../../../src/lib/process-identity.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { ImageReader } from "../ext4/support/reader.ts";
import { listening } from "../images.ts";

const recipeText = `
suite = "bookworm"
components = ["main"]
libc = "99.0"
init = "/sbin/init"
size = "16M"
journal = "4M"
packages = ["systemd", "git"]
remove = ["/etc/hostname"]
[[file]]
path = "/etc/motd"
content = "welcome"
`;

/** Writes a small tree as mmdebstrap would, with the phases that it announces. */
const goodScript = `
cat "$TMPDIR/keyring.gpg" >"$OUT/keys"; cat >"$OUT/sources"; env >"$OUT/env"; printf '%s\\n' "$@" >"$OUT/args"
echo "I: running apt-get update..." >&2
echo "0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded." >&2
echo "Setting up git (1:2.39) ..." >&2
mkdir -p "$TMPDIR/tree/etc"; echo me >"$TMPDIR/tree/etc/hostname"; echo root >"$TMPDIR/tree/etc/passwd"
echo "I: creating tarball..." >&2
tar -C "$TMPDIR/tree" --owner=0 --group=0 -c .
`;

describe("DebianBuilder", () => {
  test("makes the recipe's image of what mmdebstrap gives", async (t) => {
    const world = makeWorld(t, goodScript);
    const context = listening();
    const built = await world.builder.build("mine", { recipe: "test" }, world.image, context);
    const sha256 = createHash("sha256").update(readFileSync(world.image)).digest("hex");
    assert.deepEqual(built, { init: "/sbin/init", detail: "bookworm of 2026-01-02T00:00:00.000Z", sha256 });

    const found = new ImageReader(world.image).list();
    assert.equal(found.get("etc/passwd")?.content?.toString(), "root\n");
    assert.equal(found.get("etc/motd")?.content?.toString(), "welcome");
    assert.equal(found.get("etc/motd")?.mtime.seconds, Date.UTC(2026, 0, 2) / 1000);
    assert.ok(!found.has("etc/hostname"));
    const sources = found.get("etc/apt/sources.list.d/debian.sources")?.content?.toString() ?? "";
    assert.match(sources, /^URIs: http:\/\/mirror\/debian$/m);
    assert.ok(!found.has("etc/apt/apt.conf.d/90banger-dated-mirror"));

    assert.deepEqual(readdirSync(world.workspaces), []);
    assert.deepEqual(
      context.heard
        .filter(({ state }) => state !== "progress")
        .map(({ stage, state }) => `${stage} ${state}`),
      [
        "image.archive started",
        "image.archive done",
        "image.packages started",
        "image.packages done",
        "image.rootfs started",
        "image.rootfs done",
      ],
    );
  });

  test("tells mmdebstrap what to use, and nothing that it must not know", async (t) => {
    const world = makeWorld(t, goodScript, {
      env: { LD_PRELOAD: "", SECRET: "x", https_proxy: "http://proxy" },
    });
    await world.builder.build("mine", { recipe: "test" }, world.image, listening());
    assert.equal(
      world.read("sources"),
      "deb http://mirror/debian bookworm main\n" +
        "deb http://mirror/debian bookworm-updates main\n" +
        "deb http://mirror/security bookworm-security main\n",
    );
    const args = world.read("args").split("\n");
    assert.ok(args.includes("--mode=fakechroot"));
    assert.match(
      args.find((arg) => arg.startsWith("--keyring=")) ?? "",
      /^--keyring=.*\/build\/\w+\/keyring\.gpg$/,
    );
    assert.equal(world.read("keys"), "the keys");
    assert.ok(args.includes("--include=systemd,git"));
    const env = world.read("env").split("\n");
    assert.ok(env.includes(`SOURCE_DATE_EPOCH=${Date.UTC(2026, 0, 2) / 1000}`));
    assert.ok(env.includes("https_proxy=http://proxy"));
    assert.ok(env.some((line) => line.startsWith(`TMPDIR=${world.workspaces}/`)));
    assert.ok(!env.some((line) => line.startsWith("SECRET=")));
  });

  test("gives a machine whose mirror is a dated copy an apt that takes it", async (t) => {
    const world = makeWorld(t, goodScript, { checkValidUntil: false });
    await world.builder.build("mine", { recipe: "test" }, world.image, listening());
    assert.ok(world.read("args").includes('--aptopt=Acquire::Check-Valid-Until "false"'));
    const found = new ImageReader(world.image).list();
    assert.equal(
      found.get("etc/apt/apt.conf.d/90banger-dated-mirror")?.content?.toString(),
      'Acquire::Check-Valid-Until "false";\n',
    );
  });

  test("passes on every line that the program prints", async (t) => {
    const world = makeWorld(t, goodScript);
    await world.builder.build("mine", { recipe: "test" }, world.image, listening());
    assert.equal(world.logged[0], "I: running apt-get update...");
    assert.equal(world.logged.length, 4);
  });

  test("does not start anything when the archive is not to be trusted", async (t) => {
    const world = makeWorld(t, goodScript, {
      releases: async () => {
        throw fault("archive_bad_signature", { url: "http://mirror", reason: "NO_PUBKEY" });
      },
    });
    await rejectsWith(
      world.builder.build("mine", { recipe: "test" }, world.image, listening()),
      "archive_bad_signature",
    );
    assert.ok(!existsSync(world.workspaces));
    assert.ok(!existsSync(join(world.directory, "args")));
  });

  test("says what mmdebstrap's failure means, and leaves nothing", async (t) => {
    const script = `cat >/dev/null
      echo "E: Failed to fetch http://mirror/x.deb  404  Not Found [IP: 127.0.0.1 80]" >&2
      echo "E: mmdebstrap failed to run" >&2; exit 25`;
    const world = makeWorld(t, script);
    const error = await rejectsWith(
      world.builder.build("mine", { recipe: "test" }, world.image, listening()),
      "archive_unreachable",
      'cannot reach "http://mirror/x.deb": 404 Not Found',
    );
    assert.match(error.causes[0] ?? "", /^mmdebstrap failed \(status 25\): /);
    assert.ok(!existsSync(world.image));
    assert.deepEqual(readdirSync(world.workspaces), []);
  });

  test("does not take half an archive for an image", async (t) => {
    const world = makeWorld(t, `${goodScript.trim()} | head -c 1500`);
    await rejectsWith(
      world.builder.build("mine", { recipe: "test" }, world.image, listening()),
      "archive_truncated",
    );
    assert.ok(!existsSync(world.image));
  });

  test("says what did not fit, although that also ends mmdebstrap", async (t) => {
    const script = goodScript.replace(
      "echo root >",
      'head -c 20000000 /dev/zero >"$TMPDIR/tree/big"; echo root >',
    );
    const world = makeWorld(t, script);
    await rejectsWith(
      world.builder.build("mine", { recipe: "test" }, world.image, listening()),
      "root_filesystem_invalid",
      'the root file system cannot be made: "./big" does not fit into 16 MiB',
    );
    assert.deepEqual(readdirSync(world.workspaces), []);
  });

  test("ends all programs and removes the tree when it is cancelled", async (t) => {
    const script = `mkdir "$TMPDIR/tree"; sleep 60 & echo $! >"$OUT/child"; echo "I: running" >&2; wait`;
    const world = makeWorld(t, script);
    const abort = new AbortController();
    const building = world.builder.build("mine", { recipe: "test" }, world.image, listening(abort.signal));
    await world.firstLine;
    abort.abort();
    await rejectsWith(building, "interrupted", "mmdebstrap was cancelled");
    assert.equal(identify(Number(world.read("child"))), undefined);
    assert.ok(!existsSync(world.image));
    assert.deepEqual(readdirSync(world.workspaces), []);
  });

  test("says what is wrong with a recipe before anything else", async (t) => {
    const world = makeWorld(t, goodScript);
    await rejectsWith(
      world.builder.build("mine", { recipe: "none" }, world.image, listening()),
      "image_recipe_invalid",
    );
    assert.ok(!existsSync(world.workspaces));
  });

  test("removes what a dead one has left", async (t) => {
    const world = makeWorld(t, goodScript);
    mkdirSync(join(world.workspaces, "0123456789ab", "tree"), { recursive: true });
    await world.builder.removeLeftovers();
    assert.deepEqual(readdirSync(world.workspaces), []);
  });
});

interface Settings {
  env?: NodeJS.ProcessEnv;
  checkValidUntil?: boolean;
  releases?: () => Promise<Release[]>;
}

interface World {
  builder: DebianBuilder;
  directory: string;
  image: string;
  workspaces: string;
  logged: string[];
  firstLine: Promise<void>;
  /** What the script has written to a file of `$OUT`. */
  read(name: string): string;
}

/** A builder that finds the script where it looks for mmdebstrap. */
function makeWorld(t: TestContext, script: string, settings: Settings = {}): World {
  const directory = temporaryDirectory(t);
  const recipes = join(directory, "recipes");
  mkdirSync(join(recipes, "test"), { recursive: true });
  writeFileSync(join(recipes, "test/recipe.toml"), recipeText);
  mkdirSync(join(directory, "bin"));
  writeFileSync(join(directory, "archive-keys.gpg"), "the keys", { mode: 0o600 });
  const program = join(directory, "bin/mmdebstrap");
  writeFileSync(program, `#!/bin/sh\nOUT=${directory}\n${script}`);
  chmodSync(program, 0o755);
  const logged: string[] = [];
  const first = Promise.withResolvers<void>();
  const workspaces = join(directory, "build");
  const builder = new DebianBuilder({
    mirror: "http://mirror/debian",
    securityMirror: "http://mirror/security",
    archive: {
      releases: settings.releases ?? (async () => [release(1), release(2), release(1)]),
      keyring: async () => join(directory, "archive-keys.gpg"),
      checksValidUntil: async () => settings.checkValidUntil ?? true,
    },
    workspaces,
    recipes,
    env: { PATH: join(directory, "bin"), ...settings.env },
    log: (line) => {
      logged.push(line);
      first.resolve();
    },
  });
  const read = (name: string): string => readFileSync(join(directory, name), "utf8");
  return {
    builder,
    directory,
    image: join(directory, "rootfs.ext4"),
    workspaces,
    logged,
    firstLine: first.promise,
    read,
  };
}

function release(day: number): Release {
  const date = new Date(Date.UTC(2026, 0, day));
  return { url: "", suite: "", codename: "", date, validUntil: undefined, byHash: true, files: new Map() };
}
