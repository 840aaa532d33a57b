import assert from "node:assert/strict";
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readTar } from "../../../src/archive/tar/read.ts";
import { errnoOf } from "../../../src/lib/errors/error.ts";
import { run } from "../../../src/lib/process.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { file, gather, pack, type ReadMember } from "../support.ts";

const longName = "n".repeat(120);
const longPath = `${"deep/".repeat(60)}${longName}`;
const oddName = 'new\nline "quoted" \u00e9 %3D =';

/** A folder with one of everything that an ordinary user can make. */
function makeTree(directory: string): void {
  mkdirSync(join(directory, "deep/".repeat(60)), { recursive: true });
  writeFileSync(join(directory, longPath), "deep content");
  writeFileSync(join(directory, oddName), "odd");
  writeFileSync(join(directory, "empty"), "", { mode: 0o600 });
  writeFileSync(join(directory, "blocks"), Buffer.alloc(1536, "b"));
  linkSync(join(directory, "blocks"), join(directory, "hard"));
  symlinkSync(`/${"target/".repeat(30)}`, join(directory, "soft"));
  utimesSync(join(directory, "blocks"), 1_600_000_000.25, 1_600_000_000.25);
  const sparse = openSync(join(directory, "sparse"), "w");
  ftruncateSync(sparse, 3_000_000);
  for (let offset = 0; offset < 3_000_000; offset += 200_000) writeSync(sparse, "data", offset);
  closeSync(sparse);
}

async function readFileMembers(path: string): Promise<Map<string, ReadMember>> {
  const members = new Map<string, ReadMember>();
  for await (const { content, extents: _, ...entry } of readTar(createReadStream(path))) {
    members.set(entry.path.toString(), { ...entry, bytes: await gather(content) });
  }
  return members;
}

describe("readTar reads what GNU tar writes", () => {
  const formats = [
    ["--format=pax"],
    ["--format=gnu"],
    ["--format=oldgnu", "--sparse"],
    ["--format=pax", "--sparse", "--sparse-version=0.0"],
    ["--format=pax", "--sparse", "--sparse-version=0.1"],
    ["--format=pax", "--sparse", "--sparse-version=1.0"],
  ];
  for (const format of formats) {
    test(`with ${format.join(" ")}`, async (t) => {
      const directory = temporaryDirectory(t);
      const tree = join(directory, "tree");
      makeTree(tree);
      const archive = join(directory, "tree.tar");
      await run("tar", [...format, "--sort=name", "-cf", archive, "-C", tree, "."]);

      const members = await readFileMembers(archive);
      const at = (path: string): ReadMember => {
        const member = members.get(`./${path}`);
        assert.ok(member, path);
        return member;
      };
      assert.equal(members.size, 1 + 60 + 7);
      assert.equal(members.get(".")?.type, "directory");
      for (const path of [longPath, oddName, "empty", "blocks", "sparse"]) {
        assert.deepEqual(at(path).bytes, readFileSync(join(tree, path)), path);
        const stat = lstatSync(join(tree, path));
        const { mode, uid, gid, size } = at(path);
        assert.deepEqual(
          { mode, uid, gid, size },
          { mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, size: stat.size },
        );
      }
      assert.deepEqual([at("hard").type, at("hard").link?.toString()], ["hardlink", "./blocks"]);
      assert.equal(at("soft").link?.toString(), readlinkSync(join(tree, "soft")));
      const nanoseconds = format.includes("--format=pax") ? 250_000_000 : 0;
      assert.deepEqual(at("blocks").mtime, { seconds: 1_600_000_000, nanoseconds });
    });
  }

  test("in ustar format, with a name in two parts", async (t) => {
    const directory = temporaryDirectory(t);
    const path = `${"p".repeat(120)}/${"n".repeat(90)}`;
    mkdirSync(join(directory, "p".repeat(120)));
    writeFileSync(join(directory, path), "x");
    await run("tar", ["--format=ustar", "-cf", join(directory, "t.tar"), "-C", directory, path]);
    const members = await readFileMembers(join(directory, "t.tar"));
    assert.deepEqual([...members.keys()], [path]);
  });

  test("with owners and times that need more than ustar's digits", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "f"), "x");
    for (const format of ["gnu", "pax"]) {
      const archive = join(directory, `${format}.tar`);
      const owner = ["--owner=u:3000000000", "--group=g:4000000000", "--mtime=@-100"];
      await run("tar", [`--format=${format}`, ...owner, "-cf", archive, "-C", directory, "f"]);
      const member = (await readFileMembers(archive)).get("f");
      assert.deepEqual(
        [member?.uid, member?.gid, member?.mtime.seconds],
        [3_000_000_000, 4_000_000_000, -100],
      );
    }
  });
});

describe("GNU tar reads what writeTar writes", () => {
  test("and makes the same files of it", async (t) => {
    const directory = temporaryDirectory(t);
    const sparse = [
      { offset: 8192, length: 512 },
      { offset: 500_000, length: 4 },
    ];
    const archive = await pack(
      file("plain", "content", { mode: 0o640, mtime: { seconds: 1_500_000_000, nanoseconds: 500_000_000 } }),
      file(longName, "long"),
      file(oddName, "odd"),
      file("dir", "", { type: "directory", mode: 0o700 }),
      file(`dir/${longName}`, "inside"),
      file("hard", "", { type: "hardlink", link: Buffer.from("plain") }),
      file("soft", "", { type: "symlink", link: Buffer.from(`/${"x".repeat(200)}`) }),
      file("pipe", "", { type: "fifo" }),
      file("sparse", "", {
        size: 600_000,
        data: sparse,
        content: [Buffer.alloc(512, "o"), Buffer.from("four")],
      }),
    );
    writeFileSync(join(directory, "a.tar"), archive);
    const { stderr } = await run("tar", ["--no-same-owner", "-xpf", "a.tar"], { cwd: directory });
    assert.equal(stderr, "");

    const read = (path: string): string => readFileSync(join(directory, path), "latin1");
    assert.deepEqual(["plain", longName, oddName, `dir/${longName}`, "hard"].map(read), [
      "content",
      "long",
      "odd",
      "inside",
      "content",
    ]);
    const plain = lstatSync(join(directory, "plain"));
    assert.deepEqual([plain.mode & 0o7777, plain.mtimeMs, plain.nlink], [0o640, 1_500_000_000_500, 2]);
    assert.equal(lstatSync(join(directory, "dir")).mode & 0o7777, 0o700);
    assert.equal(readlinkSync(join(directory, "soft")), `/${"x".repeat(200)}`);
    assert.ok(lstatSync(join(directory, "pipe")).isFIFO());
    const whole = Buffer.alloc(600_000);
    whole.fill("o", 8192, 8192 + 512);
    whole.write("four", 500_000);
    assert.deepEqual(readFileSync(join(directory, "sparse")), whole);
    assert.ok(lstatSync(join(directory, "sparse")).blocks * 512 < 100_000);
  });

  test("and lists owners, devices and attributes as they were given", async (t) => {
    const directory = temporaryDirectory(t);
    const archive = await pack(
      file("f", "x", {
        uid: 3_000_000,
        gid: 4_000_000_000,
        mode: 0o4755,
        xattrs: new Map([["user.a=b%c", Buffer.from("12345")]]),
      }),
      file("null", "", { type: "character", device: { major: 1, minor: 3 } }),
      file("disk", "", { type: "block", device: { major: 259, minor: 1_048_575 } }),
    );
    writeFileSync(join(directory, "a.tar"), archive);
    const list = await run("tar", ["--xattrs", "--numeric-owner", "-tvvf", join(directory, "a.tar")], {
      env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
    });
    assert.deepEqual(
      list.stdout.split("\n").map((line) => line.replace(/ +/g, " ").trim()),
      [
        "-rwsr-xr-x* 3000000/4000000000 1 1970-01-01 00:00 f",
        "x: 5 user.a=b%c",
        "crw-r--r-- 0/0 1,3 1970-01-01 00:00 null",
        "brw-r--r-- 0/0 259,1048575 1970-01-01 00:00 disk",
        "",
      ],
    );
  });
});

test("extended attributes survive the way through GNU tar and a file system", async (t) => {
  const directory = temporaryDirectory(t);
  const xattrs = new Map([
    ["user.a=b%c", Buffer.from([0, 1, 0xff, 0x0a])],
    ["user.empty", Buffer.alloc(0)],
    ["user.text", Buffer.from("x".repeat(1000))],
  ]);
  writeFileSync(join(directory, "a.tar"), await pack(file("f", "x", { xattrs })));
  const unpacked = await run("tar", ["--no-same-owner", "--xattrs", "-xf", "a.tar"], { cwd: directory });
  if (/not supported/.test(unpacked.stderr)) return t.skip("the file system has no user attributes");
  for (const format of ["pax", "posix"]) {
    await run("tar", [`--format=${format}`, "--xattrs", "-cf", "b.tar", "f"], { cwd: directory });
    const member = (await readFileMembers(join(directory, "b.tar"))).get("f");
    assert.deepEqual(new Map([...(member?.xattrs ?? [])].sort()), new Map([...xattrs].sort()));
  }
});

test("BusyBox reads what writeTar writes", async (t) => {
  const directory = temporaryDirectory(t);
  const archive = await pack(
    file("a", "content"),
    file(longName, "long"),
    file("d", "", { type: "directory" }),
  );
  writeFileSync(join(directory, "a.tar"), archive);
  try {
    const { stdout } = await run("busybox", ["tar", "-tf", join(directory, "a.tar")]);
    assert.equal(stdout, `a\n${longName}\nd/\n`);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && !/not found/.test(String(error))) throw error;
    t.skip("BusyBox is not installed");
  }
});
