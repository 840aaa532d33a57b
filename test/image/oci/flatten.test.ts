import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { TarEntryType } from "../../../src/archive/tar/entry.ts";
import type { TarInput } from "../../../src/archive/tar/write.ts";
import { usualLimits } from "../../../src/image/oci/budget.ts";
import type { WantedLayer } from "../../../src/image/oci/layer-store.ts";
import { file, pack } from "../../archive/support.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { digestOf, imageOf, makeImage } from "./support/image.ts";
import { flattened, listingOfImage, wantedLayers } from "./support/unpack.ts";

function entry(path: string, type: TarEntryType, rest: Partial<TarInput> = {}): TarInput {
  return { ...file(Buffer.from(path, "latin1")), type, size: 0, ...rest };
}

const link = (path: string, target: string): TarInput =>
  entry(path, "symlink", { link: Buffer.from(target) });
const hardlink = (path: string, target: string): TarInput =>
  entry(path, "hardlink", { link: Buffer.from(target) });
const directory = (path: string, rest: Partial<TarInput> = {}): TarInput =>
  entry(path, "directory", { mode: 0o755, ...rest });

async function flattenOf(t: TestContext, ...layers: TarInput[][]): Promise<Record<string, string>> {
  const folder = temporaryDirectory(t);
  const { reader } = await flattened(wantedLayers(folder, await makeImage(layers)), join(folder, "image"));
  return listingOfImage(reader);
}

describe("layers", () => {
  test("lie one over the other", async (t) => {
    const listing = await flattenOf(
      t,
      [directory("etc", { mode: 0o700 }), file("etc/a", "1"), file("etc/b", "1")],
      [directory("etc", { uid: 5 }), file("etc/b", "2", { mode: 0o4755 }), file("etc/c", "2")],
    );
    assert.deepEqual(listing, {
      etc: "directory 755 5 0",
      "etc/a": "file 644 0 0 1",
      "etc/b": "file 4755 0 0 2",
      "etc/c": "file 644 0 0 2",
    });
  });

  test("take away what lower ones have, wherever their whiteouts stand", async (t) => {
    const below = [file("a", "1"), directory("d"), file("d/x", "1"), file("d/y", "1")];
    assert.deepEqual(await flattenOf(t, below, [file("a", "2"), file(".wh.a"), file("d/.wh.x")]), {
      a: "file 644 0 0 2",
      d: "directory 755 0 0",
      "d/y": "file 644 0 0 1",
    });
    assert.deepEqual(await flattenOf(t, below, [file(".wh.d"), file(".wh.absent"), file("no/.wh.where")]), {
      a: "file 644 0 0 1",
    });
  });

  test("take away names of any length, and nothing that is no name", async (t) => {
    const long = "n".repeat(255);
    const above = [`.wh.${long}`, "d/.wh..", "d/.wh...", "d/.wh.", "d/.wh..wh.plnk", ".wh..wh.aufs/x"].map(
      (path) => file(path),
    );
    const listing = await flattenOf(t, [file(long, "1"), file("d/x", "1")], above);
    assert.deepEqual(listing, { d: "directory 755 0 0", "d/x": "file 644 0 0 1" });
    const tooLong = [[file("a", "1")], [file(`.wh.${"n".repeat(256)}`)]];
    await rejectsWith(flattenOf(t, ...tooLong), "archive_path_unsafe");
  });

  test("empty a directory of lower ones, and not of their own", async (t) => {
    const below = [directory("d", { mode: 0o711 }), file("d/x", "1"), directory("d/s"), file("d/s/y", "1")];
    assert.deepEqual(await flattenOf(t, below, [file("d/new", "2"), file("d/.wh..wh..opq")]), {
      d: "directory 711 0 0",
      "d/new": "file 644 0 0 2",
    });
    assert.deepEqual(await flattenOf(t, below, [file(".wh..wh..opq"), file("only", "2")]), {
      only: "file 644 0 0 2",
    });
  });

  test("share files by hard links, also when the first name is taken away", async (t) => {
    const below = [file("a", "content", { mode: 0o600 })];
    for (const layer of [
      [hardlink("b", "a"), file(".wh.a")],
      [file(".wh.a"), hardlink("b", "a")],
    ]) {
      assert.deepEqual(await flattenOf(t, below, layer), { b: "file 600 0 0 content" });
    }
    assert.deepEqual(await flattenOf(t, below, [hardlink("b", "a")], [file(".wh.a")]), {
      b: "file 600 0 0 content",
    });
    assert.deepEqual(await flattenOf(t, below, [hardlink("b", "a")], [file("a", "new")]), {
      a: "file 644 0 0 new",
      b: "file 600 0 0 content",
    });
  });

  test("go through symbolic links of lower ones, and stay inside", async (t) => {
    const below = [
      directory("usr/lib"),
      link("lib", "usr/lib"),
      link("up", "../../../.."),
      file("usr/lib/x", "1"),
    ];
    assert.deepEqual(
      await flattenOf(t, below, [file("lib/y", "2"), file("lib/.wh.x"), file("up/here", "2")]),
      {
        here: "file 644 0 0 2",
        lib: "symlink 0 0 usr/lib",
        up: "symlink 0 0 ../../../..",
        usr: "directory 755 0 0",
        "usr/lib": "directory 755 0 0",
        "usr/lib/y": "file 644 0 0 2",
      },
    );
    const kept = await flattenOf(t, [...below, file("lib/z", "kept")], [file(".wh.lib")]);
    assert.equal(kept["usr/lib/z"], "file 644 0 0 kept");
  });

  test("leave no content of what is hidden in the image", async (t) => {
    const folder = temporaryDirectory(t);
    const secret = "the password is swordfish".repeat(400);
    const layers = [
      [file("secret", secret), file("d/secret", secret)],
      [file(".wh.secret"), file("d/secret", "none")],
    ];
    const image = join(folder, "image");
    await flattened(wantedLayers(folder, await makeImage(layers)), image);
    assert.equal(readFileSync(image).includes("swordfish"), false);
  });

  test("without an end marker, or without anything, are taken", async (t) => {
    const folder = temporaryDirectory(t);
    const archive = await pack(file("a", "1"));
    const image = imageOf([archive.subarray(0, 1024), Buffer.alloc(1024), Buffer.alloc(0)], {
      compression: "none",
    });
    const { reader } = await flattened(wantedLayers(folder, image), join(folder, "image"));
    assert.deepEqual(listingOfImage(reader), { a: "file 644 0 0 1" });
  });

  test("may be 128", async (t) => {
    const layers = Array.from({ length: 128 }, (_, at) => [
      file("same", `${at}`),
      file(`own${at % 7}`, `${at}`),
    ]);
    const listing = await flattenOf(t, ...layers);
    assert.equal(listing.same, "file 644 0 0 127");
    assert.equal(Object.keys(listing).length, 8);
  });

  for (const compression of ["gzip", "zstd", "none"] as const) {
    test(`compressed with ${compression} give the same image`, async (t) => {
      const folder = temporaryDirectory(t);
      const image = await makeImage([[file("a", "x".repeat(300_000))]], { compression });
      const { reader } = await flattened(wantedLayers(folder, image), join(folder, "image"));
      assert.equal(listingOfImage(reader).a, `file 644 0 0 ${"x".repeat(300_000)}`);
    });
  }
});

describe("a hostile layer", () => {
  async function refused(
    t: TestContext,
    layers: WantedLayer[] | TarInput[][],
    limits = {},
  ): Promise<() => Promise<unknown>> {
    const folder = temporaryDirectory(t);
    const isMade = Array.isArray(layers[0]);
    const given = isMade
      ? wantedLayers(folder, await makeImage(layers as TarInput[][]))
      : (layers as WantedLayer[]);
    const path = join(folder, "image");
    return async () => {
      try {
        return await flattened(given, path, { ...usualLimits, ...limits });
      } finally {
        assert.equal(existsSync(path), false);
      }
    };
  }

  test("with a path that leads out is refused", async (t) => {
    for (const path of ["../x", "a/../../x", "/../x", "d/.wh.../../x"]) {
      await rejectsWith(await refused(t, [[file(path, "1")]]), "archive_path_unsafe");
    }
    await rejectsWith(await refused(t, [[file("a"), hardlink("b", "../a")]]), "archive_path_unsafe");
  });

  test("that is not what its configuration says is refused", async (t) => {
    const folder = temporaryDirectory(t);
    const [layer] = wantedLayers(folder, await makeImage([[file("a", "1")]]));
    assert.ok(layer);
    const wrong = { ...layer, diffId: digestOf(Buffer.from("else")) };
    await rejectsWith(await refused(t, [wrong]), "registry_bad_digest", /expected sha256:/);
  });

  test("that is damaged is refused", async (t) => {
    const folder = temporaryDirectory(t);
    const [layer] = wantedLayers(folder, await makeImage([[file("a", "x".repeat(90_000))]]));
    assert.ok(layer);
    writeFileSync(layer.path, readFileSync(layer.path).subarray(0, 60));
    await rejectsWith(await refused(t, [layer]), "archive_truncated");
    writeFileSync(layer.path, "nothing that anybody knows");
    await rejectsWith(await refused(t, [layer]), "registry_bad_digest");
  });

  test("with too much of anything is refused", async (t) => {
    const many = Array.from({ length: 20 }, (_, at) => file(`file${at}`, "0123456789"));
    const message = (what: string, limit: string): string =>
      `the image "it" has ${what} over the limit of ${limit}`;
    await rejectsWith(await refused(t, [many], { entries: 19 }), "archive_too_large");
    const halves = [many.slice(0, 10), many.slice(10)];
    await rejectsWith(
      await refused(t, halves, { entries: 19 }),
      "image_too_large",
      message("a number of files", "19"),
    );
    await rejectsWith(await refused(t, [many], { names: 100 }), "image_too_large", message("names", "100 B"));
    const large = (name: string): TarInput[] => [file(name, "x".repeat(9000))];
    const both = await refused(t, [large("a"), large("b")], { bytes: 12_000 });
    await rejectsWith(both, "image_too_large", message("content", "11.7 KiB"));
    const one = await refused(t, [large("a")], { bytes: 9500 });
    await rejectsWith(one, "image_too_large", message("a layer", "9.3 KiB"));
  });

  test("that blows up is refused", async (t) => {
    const bomb = [[file("zeros", Buffer.alloc(3_000_000))]];
    const message = 'the image "it" has a layer over the limit of 977 KiB';
    await rejectsWith(await refused(t, bomb, { plausible: 1_000_000 }), "image_too_large", message);
  });
});

describe("what an image says of itself", () => {
  async function told(t: TestContext, ...layers: TarInput[][]): Promise<{ init?: string; distro?: string }> {
    const folder = temporaryDirectory(t);
    const { init, distro } = await flattened(
      wantedLayers(folder, await makeImage(layers)),
      join(folder, "image"),
    );
    return { ...(init ? { init } : {}), ...(distro ? { distro } : {}) };
  }
  const program = { mode: 0o755 };

  test("is its distribution, wherever os-release lies", async (t) => {
    const release = file("usr/lib/os-release", 'NAME="A"\nID="alpine"\nID_LIKE=x\n');
    assert.deepEqual(await told(t, [release, link("etc/os-release", "../usr/lib/os-release")]), {
      distro: "alpine",
    });
    assert.deepEqual(await told(t, [file("etc/os-release", "ID=a\n")], [file("etc/os-release", "ID=b\n")]), {
      distro: "b",
    });
    assert.deepEqual(await told(t, [file("etc/os-release", "ID=$(rm)\n")]), {});
  });

  test("is systemd as its init, found through links", async (t) => {
    const systemd = file("usr/lib/systemd/systemd", "elf", program);
    const merged = [
      link("sbin", "usr/sbin"),
      link("lib", "usr/lib"),
      link("usr/sbin/init", "../lib/systemd/systemd"),
    ];
    assert.deepEqual(await told(t, [systemd, ...merged]), { init: "/sbin/init" });
    assert.deepEqual(await told(t, [systemd, link("sbin/init", "/lib/systemd/systemd")]), {
      init: "/usr/lib/systemd/systemd",
    });
    assert.deepEqual(await told(t, [file("lib/systemd/systemd", "elf", program)]), {
      init: "/lib/systemd/systemd",
    });
  });

  test("is no init where that is BusyBox, missing, a loop or not a program", async (t) => {
    assert.deepEqual(
      await told(t, [file("bin/busybox", "elf", program), link("sbin/init", "/bin/busybox")]),
      {},
    );
    assert.deepEqual(await told(t, [link("sbin/init", "init")]), {});
    assert.deepEqual(await told(t, [file("sbin/init", "text")]), {});
    assert.deepEqual(await told(t, [directory("sbin/init")]), {});
    assert.deepEqual(await told(t, [file("hello", "elf", program)]), {});
  });
});
