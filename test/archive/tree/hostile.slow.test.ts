import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { TarInput } from "../../../src/archive/tar/write.ts";
import { unpackTree } from "../../../src/archive/tree/unpack.ts";
import { BangerError } from "../../../src/lib/errors/error.ts";
import { noRealAgent } from "../../guest/real-agent.ts";
import { agentBinary } from "../../guest-agent/agent.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { block, chunked, endMarker, file, pack, rawHeader, rawMember } from "../support.ts";
import { failed } from "./support.ts";

const skip = noRealAgent();

/** A destination with a file beside it that must stay as it is, and a link that leads there. */
function prison(t: { after(work: () => void): void }): { inside: string; intact: () => void } {
  const home = temporaryDirectory(t);
  const inside = join(home, "inside");
  mkdirSync(inside);
  mkdirSync(join(home, "outside"));
  writeFileSync(join(home, "outside/secret"), "untouched");
  symlinkSync("../outside", join(inside, "way-out"));
  const intact = (): void => {
    assert.deepEqual(readdirSync(home).sort(), ["inside", "outside"]);
    assert.deepEqual(readdirSync(join(home, "outside")), ["secret"]);
    assert.equal(readFileSync(join(home, "outside/secret"), "utf8"), "untouched");
    assert.equal(lstatSync(join(home, "outside/secret")).nlink, 1);
  };
  return { inside, intact };
}

function into(inside: string, archive: Buffer): Promise<unknown> {
  return unpackTree(chunked(archive), Buffer.from(inside));
}

describe("an archive of a hostile guest", { skip }, () => {
  test("cannot climb out", async (t) => {
    const { inside, intact } = prison(t);
    await rejectsWith(into(inside, await pack(file("../outside/secret", "x"))), "archive_path_unsafe");
    await rejectsWith(into(inside, await pack(file("a/../../outside/secret", "x"))), "archive_path_unsafe");
    await rejectsWith(
      into(inside, await pack(file("h", "", { type: "hardlink", link: Buffer.from("../outside/secret") }))),
      "archive_path_unsafe",
    );
    await into(inside, await pack(file("/absolute", "x")));
    assert.equal(readFileSync(join(inside, "absolute"), "utf8"), "x");
    intact();
  });

  test("cannot write through a link, be it there or its own", async (t) => {
    const { inside, intact } = prison(t);
    const through = failed(inside, "way-out: a link leads out of the destination");
    await rejectsWith(into(inside, await pack(file("way-out/secret", "x"))), "copy_failed", through);
    const own = await pack(
      file("l", "", { type: "symlink", link: Buffer.from("../outside") }),
      file("l/secret", "x"),
    );
    await rejectsWith(
      into(inside, own),
      "copy_failed",
      failed(inside, "l: a link leads out of the destination"),
    );
    const link = await pack(file("h", "", { type: "hardlink", link: Buffer.from("way-out/secret") }));
    await rejectsWith(into(inside, link), "copy_failed");
    const directory = await pack(file("way-out", "", { type: "directory" }), file("way-out/new", "x"));
    await rejectsWith(into(inside, directory), "copy_failed", failed(inside, "way-out: Not a directory"));
    assert.deepEqual(readdirSync(inside), ["way-out"]);
    intact();
  });

  test("replaces a link by a file instead of following it", async (t) => {
    const { inside, intact } = prison(t);
    symlinkSync("../outside/secret", join(inside, "file"));
    await into(inside, await pack(file("file", "mine")));
    assert.ok(lstatSync(join(inside, "file")).isFile());
    intact();
  });

  test("makes no device and no set-id program, and leaves owners alone", async (t) => {
    const { inside } = prison(t);
    const archive = await pack(
      file("null", "", { type: "character", device: { major: 1, minor: 3 } }),
      file("su", "x", { mode: 0o6755, uid: 12345, gid: 12345 }),
      file("d", "", { type: "directory", mode: 0o6777, uid: 12345 }),
      file("caps", "x", { xattrs: new Map([["security.capability", Buffer.alloc(20, 1)]]) }),
    );
    const result = await unpackTree(chunked(archive), Buffer.from(inside));
    assert.deepEqual(result, { entries: 4, bytes: 2, leftOut: 2 });
    assert.ok(!existsSync(join(inside, "null")));
    assert.equal(lstatSync(join(inside, "su")).mode & 0o7777, 0o755);
    assert.equal(lstatSync(join(inside, "d")).mode & 0o7777, 0o777);
    assert.equal(lstatSync(join(inside, "su")).uid, process.getuid?.());
    assert.equal(lstatSync(join(inside, "d")).uid, process.getuid?.());
  });

  test("with names that no file can have, or a file larger than any disk, fails and leaves nothing", async (t) => {
    const { inside, intact } = prison(t);
    await rejectsWith(into(inside, await pack(file("n".repeat(256), "x"))), "archive_path_unsafe");
    const bomb = file("bomb", "", { size: 2 ** 52, data: [] });
    await rejectsWith(into(inside, await pack(bomb)), "archive_too_large");
    assert.deepEqual(readdirSync(inside), ["way-out"]);
    intact();
  });

  test("may name things twice and change their kind: the last one counts, nothing else is touched", async (t) => {
    const { inside, intact } = prison(t);
    const archive = await pack(
      file("a", "first"),
      file("a", "second"),
      file("a", "", { type: "symlink", link: Buffer.from("way-out/secret") }),
      file("a", "third"),
      file("h", "", { type: "hardlink", link: Buffer.from("a") }),
      file("h", "own"),
      file("h", "", { type: "hardlink", link: Buffer.from("a") }),
      file("h", "", { type: "hardlink", link: Buffer.from("a") }),
    );
    await into(inside, archive);
    assert.deepEqual(readdirSync(inside).sort(), ["a", "h", "way-out"]);
    assert.equal(readFileSync(join(inside, "a"), "utf8"), "third");
    assert.equal(lstatSync(join(inside, "h")).ino, lstatSync(join(inside, "a")).ino);
    intact();
  });

  test("of any members touches nothing outside", async (t) => {
    const { inside, intact } = prison(t);
    const name = fc.constantFrom("a", "b", "way-out", "..", ".", "", "secret", "outside", "/");
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    const member = fc
      .record({
        path,
        link: path,
        type: fc.constantFrom("file", "directory", "symlink", "hardlink", "fifo", "character"),
      })
      .filter((one) => one.path !== "" && !one.path.endsWith("/") && one.link !== "");
    await fc.assert(
      fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 6 }), async (members) => {
        const inputs = members.map(({ path: at, link, type }): TarInput => {
          const made = file(at, type === "file" ? "evil" : "", {
            type: type as TarInput["type"],
            mode: 0o777,
          });
          if (type === "symlink" || type === "hardlink") made.link = Buffer.from(link);
          if (type === "character") made.device = { major: 1, minor: 3 };
          return made;
        });
        await into(inside, await pack(...inputs)).catch(onlyOurs);
        intact();
      }),
      { numRuns: 40 },
    );
  });

  test("of damaged bytes does not break the program, not even unchecked", async (t) => {
    const { inside, intact } = prison(t);
    const sample = Buffer.concat([
      await pack(
        file("x".repeat(200), "y".repeat(700), { xattrs: new Map([["user.a", Buffer.from("v")]]) }),
        file("s", Buffer.alloc(514, "s"), {
          size: 9000,
          data: [
            { offset: 0, length: 512 },
            { offset: 8000, length: 2 },
          ],
        }),
      ),
    ]);
    const damage = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    const target = Buffer.from(inside).toString("hex");
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(sample.length), async (bytes, length) => {
        const archive = Buffer.from(sample.subarray(0, length));
        for (const [at, byte] of bytes) if (at < archive.length) archive[at] = byte;
        for (let at = 0; at + 512 <= archive.length; at += 512) fixChecksum(archive.subarray(at, at + 512));
        await into(inside, archive).catch(onlyOurs);
        const { status, stderr } = spawnSync(agentBinary(), ["--unpack", "0", target], { input: archive });
        assert.ok(status === 0 || status === 1, String(stderr));
        if (status === 1) assert.match(String(stderr), /^\d+ [^\n]+\n$/);
        intact();
      }),
      { numRuns: 25 },
    );
  });

  test("with lies in its headers is refused by the program itself", async (t) => {
    const { inside, intact } = prison(t);
    const target = Buffer.from(inside).toString("hex");
    const refuses = (archive: Buffer, complaint: string): void => {
      const { status, stderr } = spawnSync(agentBinary(), ["--unpack", "0", target], { input: archive });
      assert.deepEqual([status, String(stderr)], [1, complaint]);
    };
    const invalid = (what: string): string => `71 the archive is not valid: ${what}\n`;
    refuses(Buffer.alloc(100), "71 the archive ends early\n");
    refuses(Buffer.alloc(512, "x"), invalid("a number that is not octal"));
    refuses(
      Buffer.concat([rawHeader({ name: "../up" }), endMarker]),
      "71 ../up: leads out of the destination\n",
    );
    refuses(
      Buffer.concat([rawMember({ flag: "x" }, "9999999 path=x\n"), endMarker]),
      invalid("an extended header with a malformed record"),
    );
    refuses(
      Buffer.concat([rawMember({ flag: "x" }, "5 a=\n"), rawMember({ flag: "x" }, "10 size=x\n"), endMarker]),
      invalid("a number that is not decimal"),
    );
    refuses(
      Buffer.concat([rawHeader({ flag: "x", size: "77777777777\0" }), endMarker]),
      invalid("an extended header of more than 1 MiB"),
    );
    const sparse = (map: string): Buffer =>
      Buffer.concat([
        rawMember(
          { flag: "x" },
          "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n29 GNU.sparse.realsize=10000\n",
        ),
        rawHeader({ name: "s", size: "00000001000\0" }),
        block(map),
        endMarker,
      ]);
    refuses(
      sparse("2\n0\n512\n100\n512\n"),
      invalid("a sparse map whose ranges overlap or lie outside of the file"),
    );
    refuses(
      sparse("1\n9999\n512\n"),
      invalid("a sparse map whose ranges overlap or lie outside of the file"),
    );
    refuses(sparse("999999999\n0\n512\n"), invalid("a sparse map that is too long"));
    refuses(sparse("x\n"), invalid("a number that is not decimal"));
    assert.deepEqual(readdirSync(inside), ["way-out"]);
    intact();
  });
});

function onlyOurs(error: unknown): void {
  assert.ok(error instanceof BangerError && error.code !== "internal", String(error));
}

function fixChecksum(header: Buffer): void {
  if (!header.subarray(257, 262).equals(Buffer.from("ustar"))) return;
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
