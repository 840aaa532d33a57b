import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ImageService } from "../../src/image/service.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { sleep } from "../../src/lib/deadline.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { catalogEntry, disk, FakeSource, listening } from "./images.ts";

const context = detachedContext();
const nobody = (): string[] => [];

describe("ensure", () => {
  test("uses a local image and fetches nothing", async (t) => {
    const { service, source } = await withImage(t);
    const again = await service.ensure("debian", context);
    assert.equal(again.manifest.name, "debian");
    assert.equal(readFileSync(again.rootfs, "utf8"), disk);
    assert.deepEqual(source.built, ["debian"]);
  });

  test("takes an id and the beginning of an id for a local image", async (t) => {
    const { service, id } = await withImage(t);
    assert.equal((await service.ensure(id, context)).manifest.id, id);
    assert.equal((await service.ensure(id.slice(0, 3), context)).manifest.id, id);
    await rejectsWith(service.ensure(id.slice(0, 2), context), "image_not_found");
  });

  test("pulls an image of the catalog once, and says where it comes from", async (t) => {
    const { service, source } = world(t);
    const heard = listening();
    const { manifest, rootfs } = await service.ensure("debian", heard);
    assert.equal(readFileSync(rootfs, "utf8"), disk);
    assert.deepEqual(
      { ...manifest, id: "", createdAt: "", rootfs: { ...manifest.rootfs, mtime: 0 } },
      {
        version: 1,
        id: "",
        name: "debian",
        arch: "amd64",
        distro: "debian",
        kernel: "generic-6.1",
        init: "/sbin/init",
        rootfs: {
          file: "rootfs.ext4",
          size: 20,
          sha256: "8496aea90e1988d99f322c1323457bb9fe5ca7a5d6d5c0368def17ef33806eb4",
          mtime: 0,
        },
        source: { kind: "debian", detail: "debian of today" },
        createdAt: "",
      },
    );
    const pulls = heard.heard.filter((progress) => progress.stage === "image.pull");
    assert.deepEqual(
      pulls.map(({ state, message }) => [state, message]),
      [
        ["started", "pulling debian from the image catalog"],
        ["done", "pulling debian from the image catalog"],
      ],
    );
    await service.ensure("debian", context);
    assert.deepEqual(source.built, ["debian"]);
  });

  test("says that an image is neither here nor in the catalog, and makes nothing", async (t) => {
    const { service, source, directory } = await withImage(t, "mine");
    const error = await rejectsWith(
      service.ensure("ubuntu", context),
      "image_not_found",
      'image "ubuntu" not found',
    );
    assert.equal(error.remedy, "Use one of: debian, mine and other");
    assert.equal(error.exit, 1);
    assert.deepEqual(source.built, ["mine"]);
    assert.equal(images(directory).length, 1);
  });

  test("does not take a catalog's name for the beginning of an id", async (t) => {
    const { service, source } = world(t, ["abc"]);
    const { manifest } = await service.ensure("abc", context);
    assert.equal(manifest.name, "abc");
    assert.deepEqual(source.built, ["abc"]);
  });

  test("says when the beginning of an id fits several images", async (t) => {
    const { directory, service, id } = await withImage(t);
    const twin = id.slice(0, 6) + (id.endsWith("000000") ? "000001" : "000000");
    cpSync(join(directory, id), join(directory, twin), { recursive: true });
    await rejectsWith(
      service.ensure(id.slice(0, 6), context),
      "image_ambiguous",
      `image "${id.slice(0, 6)}" could be any of ${[id, twin].sort().join(" and ")}`,
    );
  });

  test("reports the failure of the source as it is, and leaves nothing", async (t) => {
    const { service, source, directory } = world(t);
    source.during = async () => {
      throw fault("archive_unreachable", { url: "http://mirror", reason: "no route" });
    };
    await rejectsWith(
      service.ensure("debian", context),
      "archive_unreachable",
      'cannot reach "http://mirror": no route',
    );
    assert.deepEqual(images(directory), []);
    assert.deepEqual(await service.list(), []);
  });

  test("tries the sources of an entry in their order, each with a clean start", async (t) => {
    const source = new FakeSource();
    source.during = async () => {
      if (source.built.length === 1) throw fault("archive_unreachable", { url: "http://a", reason: "gone" });
    };
    const service = new ImageService({
      directory: temporaryDirectory(t),
      sources: { debian: source },
      catalog: [catalogEntry("debian", ["first", "second", "third"])],
    });
    assert.equal((await service.ensure("debian", context)).manifest.source.detail, "second of today");
    assert.deepEqual(source.built, ["first", "second"]);
  });

  test("says of each source why it failed when all of them do", async (t) => {
    const source = new FakeSource();
    source.during = async () => {
      throw fault("archive_unreachable", { url: `http://${source.built.at(-1)}`, reason: "gone" });
    };
    const directory = temporaryDirectory(t);
    const catalog = [catalogEntry("debian", ["first", "second"])];
    const service = new ImageService({ directory, sources: { debian: source }, catalog });
    const heard = listening();
    await rejectsWith(
      service.ensure("debian", heard),
      "image_sources_failed",
      'no source of image "debian" can be used: debian: cannot reach "http://first": gone; debian: cannot reach "http://second": gone',
    );
    assert.deepEqual(
      heard.heard.filter(({ state }) => state === "note").map(({ message }) => message),
      ['source debian of debian failed, trying the next: cannot reach "http://first": gone'],
    );
    assert.deepEqual(images(directory), []);
  });

  test("does not go to another source because the disk is full", async (t) => {
    const source = new FakeSource();
    source.during = async () => {
      throw fault("no_space", { path: "/x", doing: "writing" });
    };
    const service = new ImageService({
      directory: temporaryDirectory(t),
      sources: { debian: source },
      catalog: [catalogEntry("debian", ["first", "second"])],
    });
    await rejectsWith(service.ensure("debian", context), "no_space");
    assert.deepEqual(source.built, ["first"]);
  });
});

describe("a local image that is broken", () => {
  const damages: [title: string, problem: RegExp, damage: (path: string) => void][] = [
    ["has no manifest", /^it has no manifest\.json$/, (path) => rmSync(join(path, "manifest.json"))],
    [
      "has a truncated manifest",
      /^its manifest\.json is not JSON: /,
      (path) => rewrite(path, (text) => text.slice(0, 40)),
    ],
    ["has an empty manifest", /^its manifest\.json is not JSON: /, (path) => rewrite(path, () => "")],
    [
      "has a directory for a manifest",
      /^its manifest\.json cannot be read \(EISDIR\)$/,
      (path) => {
        rmSync(join(path, "manifest.json"));
        mkdirSync(join(path, "manifest.json"));
      },
    ],
    [
      "has a manifest with another name",
      /^its manifest\.json is that of the image "ubuntu"$/,
      (path) => rewrite(path, (text) => text.replace('"name": "debian"', '"name": "ubuntu"')),
    ],
    [
      "has a manifest with another id",
      /^its manifest\.json is that of the image with id 000000000000$/,
      (path) => rewrite(path, (text) => text.replace(/"id": "\w+"/, '"id": "000000000000"')),
    ],
    [
      "has a manifest that is not one",
      /^its manifest\.json is not valid: kernel: /,
      (path) => rewrite(path, (text) => text.replace('"kernel"', '"colonel"')),
    ],
    [
      "has a manifest of another version",
      /^its manifest\.json is not valid: version: /,
      (path) => rewrite(path, (text) => text.replace('"version": 1', '"version": 2')),
    ],
    ["has null for a manifest", /^its manifest\.json is not valid: /, (path) => rewrite(path, () => "null")],
    ["has no disk", /^it has no rootfs\.ext4$/, (path) => rmSync(join(path, "rootfs.ext4"))],
    [
      "has a truncated disk",
      /^its rootfs\.ext4 has 7 bytes, expected 20$/,
      (path) => truncateSync(join(path, "rootfs.ext4"), 7),
    ],
    [
      "has a directory for a disk",
      /^its rootfs\.ext4 is not a file$/,
      (path) => {
        rmSync(join(path, "rootfs.ext4"));
        mkdirSync(join(path, "rootfs.ext4"));
      },
    ],
  ];

  for (const [title, problem, damage] of damages) {
    test(`because it ${title} is the error, is shown, and can be deleted`, async (t) => {
      const { service, source, directory, id } = await withImage(t);
      damage(join(directory, id));

      const error = await rejectsWith(service.ensure("debian", context), "image_broken");
      assert.equal((error.params as { path: string }).path, join(directory, id));
      assert.match((error.params as { problem: string }).problem, problem);
      assert.match(error.message, /^the local image "debian" is broken: /);
      await rejectsWith(service.ensure(id, context), "image_broken");
      await rejectsWith(service.pull("debian", context), "image_broken");
      assert.deepEqual(source.built, ["debian"]);

      const [shown] = await service.list();
      assert.equal(shown?.id, id);
      assert.equal(shown?.name, "debian");
      assert.match(shown?.problem ?? "", problem);
      assert.deepEqual(await service.show("debian"), shown);

      assert.equal((await service.remove("debian", nobody)).id, id);
      assert.deepEqual(images(directory), []);
      assert.equal((await service.ensure("debian", context)).manifest.name, "debian");
    });
  }

  test("keeps the reason as the cause", async (t) => {
    const { service, directory, id } = await withImage(t);
    rmSync(join(directory, id, "manifest.json"));
    const error = await rejectsWith(service.ensure("debian", context), "image_broken");
    assert.match(error.causes[0] ?? "", /^ENOENT: no such file or directory, open /);
  });

  test("in a way that hides its name is in the way of every pull, and can be deleted by its id", async (t) => {
    const { service, source, directory } = world(t);
    mkdirSync(join(directory, "0123456789ab"), { recursive: true });
    await rejectsWith(
      service.ensure("debian", context),
      "image_broken",
      'the local image "0123456789ab" is broken: it has no manifest.json',
    );
    assert.deepEqual(source.built, []);
    await service.remove("0123456789ab", nobody);
    await service.ensure("debian", context);
  });

  test("does not hide the good ones", async (t) => {
    const { service, directory } = await withImage(t);
    mkdirSync(join(directory, "0123456789ab"));
    assert.equal((await service.ensure("debian", context)).manifest.name, "debian");
    assert.deepEqual(
      (await service.list()).map((image) => [image.name, image.problem]),
      [
        ["0123456789ab", "it has no manifest.json"],
        ["debian", undefined],
      ],
    );
  });

  test("in its disk's content is found when the disk's time has changed, too", async (t) => {
    const { service, directory, id } = await withImage(t);
    const rootfs = join(directory, id, "rootfs.ext4");
    const before = statSync(rootfs).mtimeMs;
    chmodSync(rootfs, 0o600);
    writeFileSync(rootfs, disk.replace("root", "r00t"));
    utimesSync(rootfs, 1, 1);
    const error = await rejectsWith(service.ensure("debian", context), "image_broken");
    assert.match(error.message, /its rootfs\.ext4 has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/);

    writeFileSync(rootfs, disk);
    utimesSync(rootfs, 1, 1);
    await service.ensure("debian", context);
    assert.equal(statSync(rootfs).mtimeMs, before);
  });

  test("in its disk's content is found by verifying it in any case", async (t) => {
    const { service, directory, id } = await withImage(t);
    const { signal } = context;
    assert.equal((await service.verify("debian", signal)).id, id);
    const rootfs = join(directory, id, "rootfs.ext4");
    const { mtime } = statSync(rootfs);
    chmodSync(rootfs, 0o600);
    writeFileSync(rootfs, disk.replace("root", "r00t"));
    utimesSync(rootfs, mtime, mtime);
    await service.ensure("debian", context);
    await rejectsWith(service.verify("debian", signal), "image_broken");
  });
});

describe("several at once", () => {
  test("fetch an image once", async (t) => {
    const { service, source } = world(t);
    source.during = () => sleep(20);
    const all = await Promise.all([
      service.ensure("debian", context),
      service.ensure("debian", context),
      service.pull("debian", context),
      service.ensure("other", context),
    ]);
    assert.equal(new Set(all.map((one) => ("manifest" in one ? one.manifest.id : one.id))).size, 2);
    assert.deepEqual(source.built.toSorted(), ["debian", "other"]);
  });

  test("go on when one of them is cancelled", async (t) => {
    const { service, source } = world(t);
    const reached = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    source.during = async () => {
      reached.resolve();
      await go.promise;
    };
    const leaver = new AbortController();
    const leaving = service.ensure("debian", detachedContext(leaver.signal));
    const staying = service.ensure("debian", context);
    await reached.promise;
    leaver.abort();
    await rejectsWith(leaving, "interrupted");
    go.resolve();
    assert.equal((await staying).manifest.name, "debian");
    assert.deepEqual(source.built, ["debian"]);
  });

  test("leave nothing when all of them are cancelled, and the next one starts anew", async (t) => {
    const { service, source, directory } = world(t);
    const reached = Promise.withResolvers<void>();
    source.during = async (_, { signal }) => {
      reached.resolve();
      await sleep(60_000, signal);
    };
    const abort = new AbortController();
    const waiting = [1, 2].map(() => service.ensure("debian", detachedContext(abort.signal)));
    await reached.promise;
    abort.abort();
    for (const one of waiting) await rejectsWith(one, "interrupted");
    source.during = async () => assert.deepEqual(images(directory), [".staging"]);
    await service.ensure("debian", context);
    assert.deepEqual(source.built, ["debian", "debian"]);
  });

  test("that do not know of each other make it once: the second waits for the first's lock", async (t) => {
    const { service, source, directory } = world(t);
    const second = new ImageService({
      directory,
      sources: { debian: source },
      catalog: [catalogEntry("debian")],
    });
    source.during = () => sleep(100);
    const [a, b] = await Promise.all([service.ensure("debian", context), second.ensure("debian", context)]);
    assert.equal(a.manifest.id, b.manifest.id);
    assert.deepEqual(source.built, ["debian"]);
  });
});

describe("pull", () => {
  test("gives the image as it is shown", async (t) => {
    const { service } = world(t);
    const pulled = await service.pull("debian", context);
    assert.equal(pulled.name, "debian");
    assert.ok(pulled.used > 0);
    assert.deepEqual(await service.show("debian"), pulled);
  });

  test("refuses an image that is local, naming its id", async (t) => {
    const { service, source, id } = await withImage(t);
    await rejectsWith(
      service.pull("debian", context),
      "image_exists",
      `image "debian" exists already (id ${id})`,
    );
    assert.deepEqual(source.built, ["debian"]);
  });

  test("refuses what the catalog does not have", async (t) => {
    const { service } = world(t);
    await rejectsWith(service.pull("ubuntu", context), "image_not_found", 'image "ubuntu" not found');
  });

  for (const name of ["", "../x", "/etc", "a//b", "-x", "a b", "a/.hidden", "a/", "x".repeat(256), "a\nb"]) {
    test(`refuses ${JSON.stringify(name.slice(0, 12))} as a name`, async (t) => {
      await rejectsWith(world(t).service.pull(name, context), "invalid_value", /^the image name is /);
    });
  }
});

describe("remove", () => {
  test("deletes an image by name, id or beginning of an id, and says what that gave", async (t) => {
    const { service, directory } = world(t);
    for (const refOf of [() => "debian", (id: string) => id, (id: string) => id.slice(0, 4)]) {
      const { id, used } = await service.pull("debian", context);
      assert.deepEqual(await service.remove(refOf(id), nobody), { id, freed: used });
      assert.deepEqual(images(directory), []);
    }
  });

  test("refuses while machines use the image, naming them", async (t) => {
    const { service, id } = await withImage(t);
    const asked: string[] = [];
    const usedBy = (of: string): string[] => {
      asked.push(of);
      return ["a", "b"];
    };
    await rejectsWith(service.remove("debian", usedBy), "image_in_use", 'image "debian" is used by a and b');
    assert.deepEqual(asked, [id]);
    await service.ensure("debian", context);
  });

  test("says that there is no such image", async (t) => {
    await rejectsWith(
      world(t).service.remove("debian", nobody),
      "image_not_found",
      'image "debian" not found',
    );
  });
});

describe("the service", () => {
  test("lists nothing where there is no directory yet", async (t) => {
    const { service } = world(t);
    assert.deepEqual(await service.list(), []);
    await rejectsWith(service.show("debian"), "image_not_found");
  });

  test("has a catalog to choose from, and says what is local of it", async (t) => {
    const { service } = await withImage(t);
    assert.deepEqual(
      (await service.available(context)).map(({ name, catalog, state }) => [name, catalog, state]),
      [
        ["debian", "banger", "local"],
        ["other", "banger", "available"],
      ],
    );
  });

  test("removes what a dead process has left, but not what is being made", async (t) => {
    const { service, source, directory } = world(t);
    mkdirSync(join(directory, ".staging-0123"), { recursive: true });
    mkdirSync(join(directory, ".deleted-0123-4567"));
    source.during = () => service.removeLeftovers();
    await service.ensure("debian", context);
    assert.equal(source.cleaned, 1);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith(".")),
      [".locks"],
    );
  });

  test("makes files that only their owner can read, and nobody can write", async (t) => {
    const { directory, id } = await withImage(t);
    const modes = readdirSync(join(directory, id)).map((name) => [
      name,
      statSync(join(directory, id, name)).mode & 0o777,
    ]);
    assert.deepEqual(Object.fromEntries(modes), {
      "manifest.json": 0o400,
      name: 0o400,
      "rootfs.ext4": 0o400,
    });
    assert.equal(statSync(join(directory, id)).mode & 0o777, 0o700);
  });
});

interface World {
  service: ImageService;
  source: FakeSource;
  directory: string;
}

function world(t: TestContext, names = ["debian", "other"]): World {
  const directory = join(temporaryDirectory(t), "images");
  const source = new FakeSource();
  const catalog = names.map((name) => catalogEntry(name));
  return {
    directory,
    source,
    service: new ImageService({ directory, sources: { debian: source }, catalog }),
  };
}

/** A world with a local image, whose name the service's catalog has only if it is "debian". */
async function withImage(t: TestContext, name = "debian"): Promise<World & { id: string }> {
  const made = world(t);
  const { directory, source } = made;
  const maker = new ImageService({ directory, sources: { debian: source }, catalog: [catalogEntry(name)] });
  const { id } = await maker.pull(name, context);
  return { ...made, id };
}

/** What is in the directory besides the locks; random parts of names cut off. */
function images(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name !== ".locks")
    .map((name) => name.replace(/^(\.\w+)-.*/, "$1"));
}

function rewrite(path: string, change: (text: string) => string): void {
  const manifest = join(path, "manifest.json");
  const text = readFileSync(manifest, "utf8");
  rmSync(manifest);
  writeFileSync(manifest, change(text));
}
