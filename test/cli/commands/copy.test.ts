import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { file, gather, pack, readAll } from "../../archive/support.ts";
import { noRealAgent } from "../../guest/real-agent.ts";
import type { FakeServices } from "../../support/fake-services.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { servedWorld } from "../world.ts";

const skip = noRealAgent();

/** Keeps what is sent in. */
function receiving(services: FakeServices, name: "vms.unpack" | "vms.store"): Buffer[] {
  const got: Buffer[] = [];
  services.on(name, async (_: string, __: unknown, body: AsyncIterable<Buffer>) => {
    got.push(await gather(body));
    return { entries: 2, bytes: 7, leftOut: 0 };
  });
  return got;
}

async function* pieces(...some: Buffer[]): AsyncGenerator<Buffer> {
  yield* some;
}

describe("vm cp", { skip }, () => {
  test("packs what is here and sends it", async (t) => {
    const { world, services } = await servedWorld(t);
    const home = temporaryDirectory(t);
    mkdirSync(join(home, "app"));
    writeFileSync(join(home, "app/main"), "content");
    const got = receiving(services, "vms.unpack");
    assert.equal(await world.run("vm", "cp", join(home, "app"), "dev:/srv/", "-o", "ada"), 0);
    const [archive = Buffer.alloc(0)] = got;
    assert.deepEqual(
      (await readAll(archive)).map(({ path, bytes }) => `${path}: ${bytes}`),
      ["app: ", "app/main: content"],
    );
    assert.deepEqual(services.seen, [
      {
        name: "vms.unpack",
        args: [
          "dev",
          { path: "/srv/", directory: false, keepOwners: false, owner: "ada" },
          services.seen[0]?.args[2],
        ],
      },
    ]);
    assert.equal(world.stdout.text, "");
    assert.match(
      world.stderr.text,
      /^copying .*\/app to dev:\/srv\/\ncopied 2 files, 7 B, to dev:\/srv\/ \(.*\)\n$/,
    );
  });

  test("needs a directory for several sources, and takes what is in SRC/.", async (t) => {
    const { world, services } = await servedWorld(t);
    const home = temporaryDirectory(t);
    writeFileSync(join(home, "one"), "1");
    const got = receiving(services, "vms.unpack");
    const sources = [join(home, "one"), `${home}/.`];
    assert.equal(await world.run("vm", "cp", "-q", "--json", ...sources, "dev:/srv"), 0);
    assert.deepEqual(JSON.parse(world.stdout.text), { entries: 2, bytes: 7, leftOut: 0 });
    assert.equal(world.stderr.text, "");
    const names = (await readAll(got[0] ?? Buffer.alloc(0))).map(({ path }) => String(path));
    assert.deepEqual(names, ["one", ".", "./one"]);
    assert.deepEqual(services.seen[0]?.args[1], { path: "/srv", directory: true, keepOwners: false });
  });

  test("unpacks what comes from a machine", async (t) => {
    const { world, services } = await servedWorld(t);
    const home = temporaryDirectory(t);
    const archive = await pack(
      file("log", "content", { xattrs: new Map([["security.x", Buffer.from("v")]]) }),
    );
    services.on("vms.pack", () => pieces(archive));
    assert.equal(await world.run("vm", "cp", "dev:/var/log", join(home, "copy")), 0);
    assert.equal(readFileSync(join(home, "copy"), "utf8"), "content");
    assert.match(world.stderr.text, /1 device or attribute was left out: they cannot be made there\n/);
  });

  test("writes standard input into one file, and a file to standard output", async (t) => {
    const { world, services } = await servedWorld(t);
    const got = receiving(services, "vms.store");
    world.stdin.end("typed");
    assert.equal(await world.run("vm", "cp", "-", "dev:/etc/motd", "--mode", "0600"), 0);
    assert.equal(String(got[0]), "typed");
    assert.deepEqual(services.seen[0]?.args[1], { path: "/etc/motd", mode: 0o600 });
    services.on("vms.pack", async () => pieces(await pack(file("motd", "content"))));
    assert.equal(await world.run("vm", "cp", "dev:/etc/motd", "-"), 0);
    assert.equal(world.stdout.text, "content");
    services.on("vms.pack", async () => pieces(await pack(file("etc", "", { type: "directory" }))));
    assert.equal(await world.run("vm", "cp", "dev:/etc", "-"), 1);
    assert.match(world.stderr.text, /cannot copy \/etc: it is a directory\n/);
  });

  test("passes archives through with --archive", async (t) => {
    const { world, services } = await servedWorld(t);
    const archive = await pack(file("x", "y"));
    const got = receiving(services, "vms.unpack");
    world.stdin.end(archive);
    assert.equal(await world.run("vm", "cp", "--archive", "-", "dev:/srv"), 0);
    assert.deepEqual((await readAll(got[0] ?? Buffer.alloc(0))).length, 1);
    assert.deepEqual(services.seen[0]?.args[1], { path: "/srv", directory: true, keepOwners: true });
    services.on("vms.pack", () => pieces(archive));
    assert.equal(await world.run("vm", "cp", "-a", "dev:/srv", "-"), 0);
    assert.deepEqual(world.stdout.bytes, archive);
  });

  test("goes from machine to machine", async (t) => {
    const { world, services } = await servedWorld(t);
    services.on("vms.pack", async () => pieces(await pack(file("x", "y"))));
    const got = receiving(services, "vms.unpack");
    assert.equal(await world.run("vm", "cp", "dev:/a", "other:/b"), 0);
    assert.equal((await readAll(got[0] ?? Buffer.alloc(0))).length, 1);
    assert.deepEqual(
      services.seen.map(({ name, args }) => `${name} ${args[0]}`),
      ["vms.pack dev", "vms.unpack other"],
    );
  });

  test("says what kept it, and ends with that status", async (t) => {
    const { world, services } = await servedWorld(t);
    services.on("vms.pack", () => {
      throw fault("file_missing", { path: "/x", where: "in the machine" });
    });
    assert.equal(await world.run("vm", "cp", "dev:/x", "."), 1);
    assert.match(world.stderr.text, /error: "\/x" does not exist in the machine\n/);
  });

  test("refuses what makes no sense before it does anything", async (t) => {
    const { world, services } = await servedWorld(t);
    const refused: [string[], string][] = [
      [["a", "b"], "neither side is in a machine: write it as VM:/PATH"],
      [["-", "a", "dev:/x"], "standard input cannot be one of several sources"],
      [["dev:/a", "dev:/b", "-"], "only one source can go to standard output"],
      [["a", "dev:/b", "dev:/c"], "sources of this host and of machines cannot be mixed in one copy"],
      [["dev:/a", "b", "--owner", "ada"], "--owner is for copies into a machine; here files belong to you"],
      [["a", "dev:/b", "--mode", "644"], "--mode is for a file from standard input; others keep their own"],
      [["-", "dev:/b", "--mode", "rw"], '--mode is "rw", expected three or four octal digits'],
      [["a"], "`banger vm cp` needs DST: where it goes"],
    ];
    for (const [words, problem] of refused) {
      world.stderr.chunks.length = 0;
      assert.equal(await world.run("vm", "cp", ...words), 2);
      assert.ok(world.stderr.text.startsWith(`error: ${problem}\n`), world.stderr.text);
    }
    assert.deepEqual(services.seen, []);
  });
});
