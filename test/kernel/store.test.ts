import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { KernelStore } from "../../src/kernel/store.ts";
import { BangerError } from "../../src/lib/errors/error.ts";
import { tryLock } from "../../src/lib/lock.ts";
import type { KernelManifest } from "../../src/model/kernel.ts";
import { hashOf } from "../debian/support/archive.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const contents = { vmlinuz: "the kernel", "modules.cpio": "boot modules", "modules.ext4": "all modules" };

function manifestOf(name: string): KernelManifest {
  const file = (content: string) => ({ size: content.length, sha256: hashOf(content) });
  return {
    version: 1,
    name,
    arch: "amd64",
    distro: "debian",
    release: "6.1.0-1",
    source: "linux-image 6.1-1",
    files: {
      vmlinuz: file(contents.vmlinuz),
      "modules.cpio": file(contents["modules.cpio"]),
      "modules.ext4": file(contents["modules.ext4"]),
    },
    createdAt: "2026-11-23T12:00:00.000Z",
  };
}

async function fill(staging: string, name: string): Promise<KernelManifest> {
  for (const [file, content] of Object.entries(contents)) writeFileSync(join(staging, file), content);
  const manifest = manifestOf(name);
  writeFileSync(join(staging, "manifest.json"), JSON.stringify(manifest));
  return manifest;
}

async function setUp(t: TestContext, name = "mine") {
  const folder = temporaryDirectory(t);
  const directory = join(folder, "kernels");
  const stamps = join(folder, "cache/verified");
  const open = (): KernelStore => new KernelStore({ directory, stamps });
  const store = open();
  mkdirSync(directory);
  await store.add(name, (staging) => fill(staging, name), { replace: false });
  return { store, open, directory, path: join(directory, name), stamps };
}

const message = (problem: string): string => `the local kernel "mine" is broken: ${problem}`;

describe("the store of kernels", () => {
  test("gives back what was added", async (t) => {
    const { store } = await setUp(t);
    assert.deepEqual(await store.load("mine"), manifestOf("mine"));
    assert.deepEqual(await store.names(), ["mine"]);
    const kernel = await store.describe("mine");
    assert.deepEqual({ ...kernel, used: 0 }, { ...manifestOf("mine"), used: 0 });
    assert.ok((kernel?.used ?? 0) > 0);
  });

  test("has nothing of a name that is not there, nor of a directory that is not there", async (t) => {
    const { store, directory } = await setUp(t);
    assert.equal(await store.load("other"), undefined);
    assert.equal(await store.describe("other"), undefined);
    rmSync(directory, { recursive: true });
    assert.equal(await store.load("mine"), undefined);
    assert.deepEqual(await store.names(), []);
  });

  test("lists no lock, no staging directory and nothing with an impossible name", async (t) => {
    const { store, directory } = await setUp(t);
    mkdirSync(join(directory, ".mine.staging-0123"));
    mkdirSync(join(directory, "not a name"));
    (await store.lock("other", new AbortController().signal)).release();
    assert.deepEqual(await store.names(), ["mine"]);
  });

  for (const name of ["..", "../mine", "a/b", ""]) {
    test(`refuses the name ${JSON.stringify(name)} everywhere`, async (t) => {
      const { store } = await setUp(t);
      await rejectsWith(store.load(name), "invalid_value");
      await rejectsWith(store.describe(name), "invalid_value");
      await rejectsWith(store.remove(name), "invalid_value");
      await rejectsWith(
        store.add(name, async () => manifestOf(name), { replace: true }),
        "invalid_value",
      );
    });
  }

  test("takes a directory behind a link", async (t) => {
    const { store, directory, path } = await setUp(t);
    renameSync(path, join(directory, "elsewhere"));
    symlinkSync("elsewhere", path);
    assert.equal((await store.load("mine"))?.name, "mine");
  });

  test("adds nothing when that fails half-way, and keeps what was to be replaced", async (t) => {
    const { store, directory } = await setUp(t);
    const failing = async (staging: string): Promise<KernelManifest> => {
      writeFileSync(join(staging, "vmlinuz"), "half");
      throw new RangeError("no more");
    };
    await assert.rejects(store.add("new", failing, { replace: false }), RangeError);
    await assert.rejects(store.add("mine", failing, { replace: true }), RangeError);
    assert.deepEqual(readdirSync(directory), ["mine"]);
    assert.ok(await store.load("mine"));
  });

  test("clears away what a killed process left of a kernel, when that is locked", async (t) => {
    const { store, directory } = await setUp(t);
    mkdirSync(join(directory, ".mine.staging-0123456789ab/tree"), { recursive: true });
    mkdirSync(join(directory, ".mine.two.staging-0123456789ab"));
    (await store.lock("mine", new AbortController().signal)).release();
    assert.deepEqual(readdirSync(directory), [".mine.lock", ".mine.two.staging-0123456789ab", "mine"]);
  });
});

describe("removing a kernel", () => {
  test("frees its space and forgets it", async (t) => {
    const { store, path, stamps } = await setUp(t);
    await store.load("mine");
    assert.ok(existsSync(join(stamps, "mine.json")));
    assert.ok(((await store.remove("mine")) ?? 0) > 0);
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(join(stamps, "mine.json")), false);
    assert.equal(await store.load("mine"), undefined);
  });

  test("that is not there tells so", async (t) => {
    const { store } = await setUp(t);
    assert.equal(await store.remove("other"), undefined);
  });

  test("works on broken ones", async (t) => {
    const { store, path, directory } = await setUp(t);
    writeFileSync(join(path, "manifest.json"), "{");
    assert.ok(((await store.remove("mine")) ?? 0) > 0);
    writeFileSync(path, "a file");
    assert.notEqual(await store.remove("mine"), undefined);
    symlinkSync("nowhere", path);
    assert.notEqual(await store.remove("mine"), undefined);
    assert.deepEqual(await store.names(), []);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name !== ".mine.lock"),
      [],
    );
  });

  test("waits for nobody: while it is pulled that is said", async (t) => {
    const { store, directory } = await setUp(t);
    using lock = tryLock(join(directory, ".mine.lock"));
    assert.ok(lock);
    await rejectsWith(store.remove("mine"), "busy", "kernel mine is in use by a pull or an import");
    assert.ok(await store.load("mine"));
  });
});

describe("a local kernel that is broken is never taken for one that is missing:", () => {
  const cases: [string, (path: string) => void, string | RegExp][] = [
    ["no manifest", (path) => rmSync(join(path, "manifest.json")), "it has no manifest.json"],
    [
      "an empty directory",
      (path) => {
        rmSync(path, { recursive: true });
        mkdirSync(path);
      },
      "it has no manifest.json",
    ],
    [
      "a manifest that is a directory",
      (path) => {
        rmSync(join(path, "manifest.json"));
        mkdirSync(join(path, "manifest.json"));
      },
      "its manifest.json cannot be read",
    ],
    [
      "an empty manifest",
      (path) => writeFileSync(join(path, "manifest.json"), ""),
      "its manifest.json is not JSON: Unexpected end of JSON input",
    ],
    [
      "a truncated manifest",
      (path) => truncateSync(join(path, "manifest.json"), 30),
      /^its manifest\.json is not JSON: /,
    ],
    [
      "a manifest of something else",
      (path) => writeFileSync(join(path, "manifest.json"), '{"version":1,"name":"mine"}'),
      /^its manifest\.json is not valid: /,
    ],
    [
      "a manifest of another kernel",
      (path) => writeFileSync(join(path, "manifest.json"), JSON.stringify(manifestOf("other"))),
      'its manifest.json is that of "other"',
    ],
    [
      "a manifest of another version",
      (path) =>
        writeFileSync(join(path, "manifest.json"), JSON.stringify({ ...manifestOf("mine"), version: 2 })),
      /^its manifest\.json is not valid: version: /,
    ],
    ...(["vmlinuz", "modules.cpio", "modules.ext4"] as const).flatMap(
      (file): [string, (path: string) => void, string | RegExp][] => [
        [`no ${file}`, (path) => rmSync(join(path, file)), `its ${file} is missing`],
        [
          `a ${file} of another size`,
          (path) => writeFileSync(join(path, file), "x"),
          `its ${file} has 1 bytes, not ${contents[file].length}`,
        ],
        [
          `a ${file} of another content`,
          (path) => writeFileSync(join(path, file), "x".repeat(contents[file].length)),
          new RegExp(`^its ${file} has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}$`),
        ],
        [
          `a ${file} that is a directory`,
          (path) => {
            rmSync(join(path, file));
            mkdirSync(join(path, file));
          },
          /^its .* (is not a file|has \d+ bytes, not \d+)$/,
        ],
      ],
    ),
    [
      "a file in its place",
      (path) => {
        rmSync(path, { recursive: true });
        writeFileSync(path, "");
      },
      "it is not a directory",
    ],
    [
      "a link that leads nowhere",
      (path) => {
        rmSync(path, { recursive: true });
        symlinkSync("nowhere", path);
      },
      "its directory cannot be read",
    ],
  ];

  for (const [what, breakIt, problem] of cases) {
    for (const known of [false, true]) {
      test(`${what}${known ? ", after it was good" : ""}`, async (t) => {
        const { store, path } = await setUp(t);
        if (known) assert.ok(await store.load("mine"));
        breakIt(path);
        const error = await rejectsWith(store.load("mine"), "kernel_broken");
        const { problem: said } = error.params as { problem: string };
        if (typeof problem === "string") assert.equal(said, problem);
        else assert.match(said, problem);
        assert.equal(error.message, message(said));
        assert.equal(error.remedy, `Replace it with \`banger kernel pull --force mine\`, or remove ${path}`);
        const shown = await store.describe("mine");
        assert.equal(shown?.problem, said);
        assert.deepEqual(await store.names(), ["mine"]);
      });
    }
  }

  test("the first cause is kept", async (t) => {
    const { store, path } = await setUp(t);
    truncateSync(join(path, "manifest.json"), 30);
    const syntax = await rejectsWith(store.load("mine"), "kernel_broken");
    assert.ok(syntax.cause instanceof SyntaxError);
    rmSync(join(path, "manifest.json"));
    const missing = await rejectsWith(store.load("mine"), "kernel_broken");
    assert.equal((missing.cause as NodeJS.ErrnoException).code, "ENOENT");
  });

  test("an unreadable one, for a user who is not root", { skip: process.getuid?.() === 0 }, async (t) => {
    const { store, path } = await setUp(t);
    chmodSync(path, 0);
    try {
      const problem = "its manifest.json cannot be read";
      await rejectsWith(store.load("mine"), "kernel_broken", message(problem));
      assert.equal((await store.describe("mine"))?.problem, problem);
    } finally {
      chmodSync(path, 0o700);
    }
  });

  test("any bytes as manifest", async (t) => {
    const { store, path } = await setUp(t);
    const good = readFileSync(join(path, "manifest.json"));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        async (at, junk) => {
          const bytes = Buffer.concat([good.subarray(0, at), junk, good.subarray(at + junk.length)]);
          writeFileSync(join(path, "manifest.json"), bytes);
          try {
            assert.equal((await store.load("mine"))?.name, "mine");
          } catch (error) {
            assert.ok(error instanceof BangerError && error.code === "kernel_broken", String(error));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("what was found right", () => {
  test("is remembered by another process", async (t) => {
    const { store, open, stamps } = await setUp(t);
    await store.load("mine");
    const remembered = readFileSync(join(stamps, "mine.json"), "utf8");
    await open().load("mine");
    assert.equal(readFileSync(join(stamps, "mine.json"), "utf8"), remembered);
  });

  test("is found again when the memory is lost or damaged", async (t) => {
    const { store, stamps } = await setUp(t);
    for (const damage of ["", "{", "null", "[]", '{"vmlinuz":7}']) {
      mkdirSync(stamps, { recursive: true });
      writeFileSync(join(stamps, "mine.json"), damage);
      assert.ok(await store.load("mine"));
    }
  });

  test("does not stand for a file that got the old times back", async (t) => {
    const { store, path } = await setUp(t);
    const file = join(path, "modules.ext4");
    utimesSync(file, 1000, 1000);
    await store.load("mine");
    writeFileSync(file, "ALL modules");
    utimesSync(file, 1000, 1000);
    await rejectsWith(store.load("mine"), "kernel_broken");
  });

  test("is not needed: a cache that cannot be written changes nothing", async (t) => {
    const { directory } = await setUp(t);
    const store = new KernelStore({ directory, stamps: "/sys/kernel/banger" });
    assert.ok(await store.load("mine"));
  });
});
