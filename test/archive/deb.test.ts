import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { readDeb } from "../../src/archive/deb.ts";
import { run } from "../../src/lib/process.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { arMember, file, gather, pack } from "./support.ts";

const magic = Buffer.from("!<arch>\n");
const version = arMember("debian-binary", "2.0\n");

type Part = "control" | "data";

async function read(
  path: string,
  part: Part,
  signal?: AbortSignal,
): Promise<[path: string, content: string][]> {
  const members: [string, string][] = [];
  for await (const { path: name, content } of readDeb(path, part, { signal })) {
    members.push([name.toString(), (await gather(content)).toString()]);
  }
  return members;
}

describe("readDeb", () => {
  for (const compression of ["xz", "zstd", "gzip", "none"]) {
    test(`reads what dpkg-deb -Z${compression} builds`, async (t) => {
      const directory = temporaryDirectory(t);
      const tree = join(directory, "tree");
      mkdirSync(join(tree, "DEBIAN"), { recursive: true });
      chmodSync(tree, 0o755);
      chmodSync(join(tree, "DEBIAN"), 0o755);
      const control = "Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: d\n";
      writeFileSync(join(tree, "DEBIAN/control"), control);
      mkdirSync(join(tree, "usr/share"), { recursive: true });
      writeFileSync(join(tree, "usr/share/text"), "hello\n".repeat(10_000));
      symlinkSync("text", join(tree, "usr/share/link"));
      await run("dpkg-deb", [`-Z${compression}`, "--root-owner-group", "-b", "tree", "demo.deb"], {
        cwd: directory,
      });
      const deb = join(directory, "demo.deb");

      assert.deepEqual(
        (await read(deb, "control")).filter(([name]) => name === "./control"),
        [["./control", control]],
      );
      const data = new Map(await read(deb, "data"));
      assert.deepEqual([...data.keys()].sort(), [
        ".",
        "./usr",
        "./usr/share",
        "./usr/share/link",
        "./usr/share/text",
      ]);
      assert.ok(data.get("./usr/share/text") === "hello\n".repeat(10_000));
    });
  }

  test("gives the members with their owners and modes", async (t) => {
    const entry = file("./bin/su", "x", { mode: 0o4755, uid: 0, gid: 7 });
    const path = await makeDeb(
      t,
      version,
      arMember("control.tar", await pack()),
      arMember("data.tar", await pack(entry)),
    );
    for await (const member of readDeb(path, "data")) {
      assert.deepEqual([member.mode, member.uid, member.gid], [0o4755, 0, 7]);
    }
  });

  test("can be left early", async (t) => {
    const data = await pack(file("./a", "x".repeat(200_000)), file("./b"));
    const path = await makeDeb(t, version, arMember("data.tar.gz", gzipSync(data)));
    for await (const member of readDeb(path, "data")) {
      assert.equal(member.path.toString(), "./a");
      break;
    }
  });

  test("refuses what is not a package", async (t) => {
    const invalid = (problem: string): string => `the Debian package data is not valid: it ${problem}`;
    const cases: [parts: Buffer[], problem: string][] = [
      [[version], "has no data.tar"],
      [[], "has no data.tar"],
      [[arMember("data.tar", "")], 'has "data.tar" in the wrong place'],
      [[version, version], 'has "debian-binary" in the wrong place'],
      [[arMember("debian-binary", "3.0\n")], 'has format "3.0\\n"'],
      [[version, arMember("data.tar.lz", "x")], 'has "data.tar.lz", of which the compression is not known'],
      [[version, arMember("data.tarball", "x")], 'has "data.tarball", of which the compression is not known'],
    ];
    for (const [parts, problem] of cases) {
      await rejectsWith(read(await makeDeb(t, ...parts), "data"), "archive_invalid", invalid(problem));
    }
  });

  test("says in which layer a package is cut", async (t) => {
    const whole = arMember("data.tar.zst", zstdCompressSync(await pack(file("./a", "content"))));
    await rejectsWith(
      read(await makeDeb(t, version, whole.subarray(0, 100)), "data"),
      "archive_truncated",
      "the ar data ends early, at byte 172, in a member",
    );
    const half = zstdCompressSync((await pack(file("./a", "content"))).subarray(0, 600));
    await rejectsWith(
      read(await makeDeb(t, version, arMember("data.tar.zst", half)), "data"),
      "archive_truncated",
      "the tar data ends early, at byte 600, in the content of a file",
    );
  });

  test("stops when it is cancelled", async (t) => {
    const path = await makeDeb(t, version, arMember("data.tar", await pack(file("./a"))));
    const message = `reading ${path} was cancelled`;
    await rejectsWith(read(path, "data", AbortSignal.abort()), "interrupted", message);
  });
});

async function makeDeb(t: Parameters<typeof temporaryDirectory>[0], ...parts: Buffer[]): Promise<string> {
  const directory = temporaryDirectory(t);
  const path = join(directory, "x.deb");
  writeFileSync(path, Buffer.concat([magic, ...parts]));
  assert.deepEqual(readdirSync(directory), ["x.deb"]);
  return path;
}
