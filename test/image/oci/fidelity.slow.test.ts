import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { TarEntryType } from "../../../src/archive/tar/entry.ts";
import type { TarInput } from "../../../src/archive/tar/write.ts";
import { file } from "../../archive/support.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { imageOf, type MadeImage, makeImage, writeLayout } from "./support/image.ts";
import { listingOfExt4, listingOfHost } from "./support/listing.ts";
import { flattened, umociUnpack, wantedLayers } from "./support/unpack.ts";

const missing = ["/usr/bin/umoci", "/usr/bin/python3"].filter((path) => !existsSync(path));
const skip = (process.getuid?.() !== 0 || missing.length > 0) && "needs root, umoci and python3";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** A path on the host of an image's bytes: Node has no other way to a name that is not UTF-8. */
function python(root: string, script: string): void {
  const { status, stderr } = spawnSync("python3", ["-c", script], { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** What unpacking an image as root makes, and what this program makes of it. */
async function bothOf(
  image: MadeImage,
  folder: string,
  options = { directoryTimes: false },
): Promise<[ours: Record<string, string>, theirs: Record<string, string>]> {
  const layout = join(folder, "layout");
  writeLayout(layout, "it", image);
  umociUnpack(layout, "it", join(folder, "bundle"));
  const { reader } = await flattened(wantedLayers(folder, image), join(folder, "image"));
  return [listingOfExt4(reader, options), listingOfHost(join(folder, "bundle", "rootfs"), options)];
}

/** A tree with everything that a file system can have, made by root on this host. */
const everything = `
import os
os.umask(0)
def put(name, content=b"x", mode=0o644):
    fd = os.open(name, os.O_CREAT | os.O_WRONLY, mode)
    os.write(fd, content); os.close(fd); os.chmod(name, mode)
for name in [b"with space", b"tab\\tand\\nnewline", b"quote'\\"\\\\back", b"\\xff\\xfe not utf-8", b"\\xc3\\xa4", b"n" * 255, b"*?[a]", b"-rf", b" ", b"...", b"wh.not", b"a.wh.b"]:
    put(name, name)
deep = b"/".join([b"d%d" % i + b"x" * 90 for i in range(12)])
os.makedirs(deep); put(deep + b"/" + b"f" * 200, b"deep")
for mode in [0, 0o7, 0o4755, 0o2755, 0o1777, 0o7777]: put(b"mode%o" % mode, mode=mode)
put("owner"); os.chown("owner", 70000, 4294967294)
put("large-owner"); os.chown("large-owner", 2147483648, 65536)
put("capable", mode=0o755); os.setxattr("capable", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
put("attributes"); os.setxattr("attributes", "user.bytes", bytes(range(256)))
os.setxattr("attributes", b"user.caf\\xc3\\xa9", b"")
os.setxattr("attributes", "user.long", b"v" * 2000)
os.setxattr("attributes", "trusted.overlay.opaque", b"y")
os.mkdir("attributed", 0o2750); os.setxattr("attributed", "user.of a directory", b"1=2")
put("one"); os.link("one", "two"); os.link("one", deep + b"/three")
os.symlink("one", "short"); os.symlink(b"t" * 59, "inline"); os.symlink(b"t" * 60, "own-block"); os.symlink(b"/" + b"t" * 4000, "long"); os.symlink(b"\\xff\\n", "odd")
os.mkfifo("fifo", 0o620); os.mknod("null", 0o020666, os.makedev(1, 3)); os.mknod("disk", 0o060660, os.makedev(259, 300000))
fd = os.open("sparse", os.O_CREAT | os.O_WRONLY, 0o600)
os.pwrite(fd, b"begin", 0); os.pwrite(fd, b"middle", 3 * 2**20 + 17); os.ftruncate(fd, 9 * 2**20); os.close(fd)
fd = os.open("hole", os.O_CREAT | os.O_WRONLY, 0o600); os.ftruncate(fd, 5 * 2**20); os.close(fd)
put("empty", b""); put("large", bytes(range(256)) * 5000)
os.mkdir("many")
for i in range(700): put(b"many/file-with-a-name-%04d" % i, b"")
for i, time in enumerate([1, 1700000000123456789, 2**31 * 10**9, 4 * 10**18, 999999999]): put(b"time%d" % i); os.utime(b"time%d" % i, ns=(0, time))
for at, names, _ in os.walk(b"."): os.utime(at, ns=(0, 1600000000 * 10**9))
`;

describe("an image made of", { skip }, () => {
  for (const format of ["posix", "gnu"]) {
    test(`a tree with everything, packed by tar --format=${format}, is that tree`, async (t) => {
      const folder = temporaryDirectory(t);
      const tree = join(folder, "tree");
      mkdirSync(tree, 0o755);
      python(tree, everything);
      const attributes = format === "posix" ? ["--xattrs", "--xattrs-include=*"] : [];
      const archive = join(folder, "tree.tar");
      const args = [
        `--format=${format}`,
        "--sparse",
        "--numeric-owner",
        ...attributes,
        "-C",
        tree,
        "-cf",
        archive,
        ".",
      ];
      const { status, stderr } = spawnSync("tar", args, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      const extracted = join(folder, "extracted");
      mkdirSync(extracted);
      const unpack = ["-C", extracted, "--numeric-owner", "-xpf", archive, ...attributes];
      assert.equal(spawnSync("tar", unpack).status, 0);
      const image = imageOf([readFileSync(archive)], { compression: "none" });
      const { reader } = await flattened(wantedLayers(folder, image), join(folder, "image"));
      const options = { directoryTimes: true };
      const ours = listingOfExt4(reader, options);
      assert.deepEqual(ours, listingOfHost(extracted, options));
      assert.ok(Object.keys(ours).length > 750);
      if (format === "posix") assert.deepEqual(ours, listingOfHost(tree, options));
    });
  }

  test("two layers over a tree with everything is what umoci makes of it", async (t) => {
    const folder = temporaryDirectory(t);
    const tree = join(folder, "tree");
    mkdirSync(tree, 0o755);
    python(tree, everything);
    // Which umoci leaves out.
    python(
      tree,
      'import os\nos.removexattr("attributes", "trusted.overlay.opaque"); os.removexattr("attributes", b"user.caf\\xc3\\xa9")',
    );
    const pack = (name: string): Buffer => {
      const path = join(folder, name);
      const args = [
        "--format=posix",
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "-C",
        tree,
        "-cf",
        path,
        ".",
      ];
      assert.equal(spawnSync("tar", args).status, 0);
      return readFileSync(path);
    };
    const below = pack("below.tar");
    python(
      tree,
      `
import os, shutil
for name in os.listdir(b"."):
    if name not in (b"many", b"one", b"capable", b"attributed"): shutil.rmtree(name) if os.path.isdir(name) and not os.path.islink(name) else os.unlink(name)
for i in range(700): os.unlink(b"many/file-with-a-name-%04d" % i)
open(b"many/.wh..wh..opq", "w"); open(b"many/new", "w").write("new")
open(b".wh.two", "w"); open(b".wh.tab\\tand\\nnewline", "w"); open(b".wh.\\xff\\xfe not utf-8", "w"); open(b".wh.null", "w")
open(b"hole", "w").write("filled"); os.mkdir(b"sparse"); open(b"sparse/inside", "w").write("now a directory")
os.symlink("one", "large"); os.removexattr("capable", "security.capability"); os.chown("attributed", 5, 6)
`,
    );
    const [ours, theirs] = await bothOf(imageOf([below, pack("above.tar")]), folder);
    assert.deepEqual(ours, theirs);
    assert.match(ours["many/new"] ?? "", /^file/);
    assert.equal(ours.two, undefined);
  });
});

const ownName = fc.constantFrom("a", "b", "c", "d e", "\xff", 'q"\n\\', "n".repeat(255));
const anyPath = fc.array(ownName, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const attributes = fc
  .dictionary(
    fc.constantFrom("user.a", "user.b c", "security.capability", "trusted.x"),
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    { maxKeys: 2 },
  )
  .map((values) => {
    const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
    return new Map(
      Object.entries(values).map(([name, value]): [string, Buffer] => [
        name,
        name.startsWith("security") ? capability : Buffer.from(value),
      ]),
    );
  });
const owned = fc.record(
  {
    uid: fc.constantFrom(0, 70_000, 2 ** 31),
    gid: fc.constantFrom(0, 5, 2 ** 32 - 2),
    mode: fc.constantFrom(0o644, 0o4755, 0o1777, 0),
    mtime: fc.record({
      seconds: fc.constantFrom(1, 1_700_000_000, 2 ** 32),
      nanoseconds: fc.constantFrom(0, 123_456_789),
    }),
    xattrs: attributes,
  },
  { noNullPrototype: true },
);

function entry(path: string, type: TarEntryType, rest: Partial<TarInput> = {}): TarInput {
  return { ...file(bytes(path)), type, size: 0, ...rest };
}

const content = fc.tuple(fc.constantFrom(0, 3, 5000), fc.constantFrom("p", "q")).map(([n, c]) => c.repeat(n));
const anyEntry: fc.Arbitrary<TarInput> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(anyPath, content, owned).map(([p, c, o]) => file(bytes(p), c, o)) },
  { weight: 3, arbitrary: fc.tuple(anyPath, owned).map(([p, o]) => entry(p, "directory", o)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyPath, fc.constantFrom("a", "../b", "/c", "nowhere", "t".repeat(100)))
      .map(([p, to]) => entry(p, "symlink", { link: bytes(to) })),
  },
  { weight: 1, arbitrary: anyPath.map((p) => entry(p, "fifo", { mode: 0o600 })) },
  { weight: 1, arbitrary: anyPath.map((p) => entry(p, "character", { device: { major: 1, minor: 3 } })) },
  {
    weight: 2,
    arbitrary: fc.tuple(anyPath, anyPath).map(([p, to]) => entry(p, "hardlink", { link: bytes(to) })),
  },
  { weight: 2, arbitrary: anyPath.map((p) => file(bytes(p.replace(/([^/]*)$/, ".wh.$1")))) },
  { weight: 1, arbitrary: anyPath.map((p) => file(bytes(`${p}/.wh..wh..opq`))) },
);

test("any image becomes what umoci makes of it", { skip }, async (t) => {
  const folder = temporaryDirectory(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyEntry, { maxLength: 8 }), { minLength: 1, maxLength: 4 }),
      async (layers) => {
        run += 1;
        const here = join(folder, `${run}`);
        mkdirSync(here);
        const image = await makeImage(layers);
        const layout = join(here, "layout");
        writeLayout(layout, "it", image);
        try {
          umociUnpack(layout, "it", join(here, "bundle"));
        } catch {
          // What umoci will not unpack, such as a link to nothing, is no measure.
          fc.pre(false);
        }
        const { reader } = await flattened(wantedLayers(here, image), join(here, "image"));
        const options = { directoryTimes: false };
        const root = join(here, "bundle", "rootfs");
        assert.deepEqual(listingOfExt4(reader, options), listingOfHost(root, options));
        rmSync(here, { recursive: true });
      },
    ),
    { numRuns: Number(process.env.FIDELITY_RUNS ?? 10) },
  );
});
