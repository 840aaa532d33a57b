import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { sampleImage } from "../../support/fake-services.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { servedWorld } from "../world.ts";

const terminal = { columns: 80, rows: 24 };

async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const piece of source) all += Buffer.from(piece).toString();
  return all;
}

describe("image save", () => {
  test("writes to standard output what the daemon gives", async (context) => {
    for (const words of [["dev"], ["dev", "-o", "-"]]) {
      const { world, services } = await servedWorld(context);
      assert.equal(await world.run("image", "save", ...words), 0);
      assert.equal(world.stdout.text, "a bundle");
      assert.deepEqual(services.seen[0], { name: "images.save", args: ["dev"] });
    }
  });

  test("writes to a file, says which, and takes away what a killed one left", async (context) => {
    const directory = temporaryDirectory(context);
    const path = join(directory, "dev.tar.zst");
    writeFileSync(join(directory, ".dev.tar.zst.part-4194999-0011"), "half");
    writeFileSync(join(directory, `.dev.tar.zst.part-${process.pid}-0011`), "in the making");
    writeFileSync(path, "an older one");
    const { world } = await servedWorld(context);
    assert.equal(await world.run("image", "save", "dev", "-o", path), 0);
    assert.equal(readFileSync(path, "utf8"), "a bundle");
    assert.equal(world.stdout.text, `${path}\n`);
    assert.match(world.stderr.text, /^saving dev\nsaving dev: done \(/);
    assert.deepEqual(readdirSync(directory).sort(), [`.dev.tar.zst.part-${process.pid}-0011`, "dev.tar.zst"]);
    assert.equal(await world.run("image", "save", "dev", "-q", "--json", "-o", path), 0);
    assert.ok(world.stdout.text.endsWith(`${JSON.stringify({ path, size: 8 }, null, 2)}\n`));
  });

  test("keeps the older file when it fails, and leaves no other", async (context) => {
    const directory = temporaryDirectory(context);
    const path = join(directory, "dev.tar.zst");
    writeFileSync(path, "an older one");
    const { world, services } = await servedWorld(context);
    services.on("images.save", () => {
      async function* half(): AsyncGenerator<Buffer> {
        yield Buffer.from("half");
        throw fault("no_space", { path: "/x", doing: "reading" });
      }
      return half();
    });
    assert.equal(await world.run("image", "save", "dev", "-o", path), 1);
    assert.match(world.stderr.text, /error: no space left at "\/x" while reading/);
    assert.equal(readFileSync(path, "utf8"), "an older one");
    assert.deepEqual(readdirSync(directory), ["dev.tar.zst"]);
  });

  test("refuses a terminal, and JSON where the bundle goes", async (context) => {
    const { world } = await servedWorld(context, { terminal });
    assert.equal(await world.run("image", "save", "dev"), 2);
    assert.match(world.stderr.text, /a bundle is not written to a terminal: name a file with -o/);
    const piped = await servedWorld(context);
    assert.equal(await piped.world.run("image", "save", "dev", "--json"), 2);
  });

  test("refuses a place that cannot be before anything is read", async (context) => {
    const directory = temporaryDirectory(context);
    mkdirSync(join(directory, "folder"));
    for (const [path, reason] of [
      [join(directory, "none/dev"), "its directory does not exist"],
      [join(directory, "folder"), "it is a directory"],
    ] as const) {
      const { world, services } = await servedWorld(context);
      assert.equal(await world.run("image", "save", "dev", "-o", path), 1);
      assert.match(world.stderr.text, new RegExp(`the file "${path}" cannot be used: ${reason}`));
      assert.deepEqual(services.seen, []);
    }
  });

  test("ends at Ctrl-C and leaves nothing", async (context) => {
    const directory = temporaryDirectory(context);
    const { world, services } = await servedWorld(context);
    services.on("images.save", () => {
      async function* endless(): AsyncGenerator<Buffer> {
        for (;;) {
          yield Buffer.alloc(1000);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      }
      return endless();
    });
    const running = world.run("image", "save", "dev", "-o", join(directory, "dev"));
    while (readdirSync(directory).length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    assert.deepEqual(readdirSync(directory), []);
  });
});

describe("image load", () => {
  test("sends a file, and prints the id", async (context) => {
    const path = join(temporaryDirectory(context), "dev.tar.zst");
    writeFileSync(path, "a bundle");
    for (const words of [[path], ["-i", path], [path, "--name", "mine", "--kernel-ref", "own"]]) {
      const { world, services } = await servedWorld(context);
      let sent = "";
      services.on("images.load", async (source: AsyncIterable<Uint8Array>) => {
        sent = await text(source);
        return sampleImage;
      });
      assert.equal(await world.run("image", "load", ...words), 0);
      assert.equal(sent, "a bundle");
      assert.equal(world.stdout.text, "ba9876543210\n");
      const expected = words.includes("mine") ? { name: "mine", kernel: "own" } : {};
      assert.deepEqual(services.seen.at(-1)?.args[1], expected);
    }
  });

  test("sends standard input", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("images.load", async (source: AsyncIterable<Uint8Array>) => {
      assert.equal(await text(source), "typed");
      return sampleImage;
    });
    world.stdin.end("typed");
    assert.equal(await world.run("image", "load", "-", "--json"), 0);
    assert.deepEqual(JSON.parse(world.stdout.text), sampleImage);
  });

  test("shows why the daemon refused the bundle, without having sent all of it", async (context) => {
    const path = join(temporaryDirectory(context), "dev.tar.zst");
    writeFileSync(path, Buffer.alloc(20_000_000));
    const { world, services } = await servedWorld(context);
    services.on("images.load", async (source: AsyncIterable<Uint8Array>) => {
      for await (const _ of source) throw fault("bundle_invalid", { problem: "it has no manifest.json" });
    });
    assert.equal(await world.run("image", "load", path), 1);
    assert.match(world.stderr.text, /error: the bundle cannot be used: it has no manifest\.json/);
  });

  test("says what is wrong with what it was given", async (context) => {
    const directory = temporaryDirectory(context);
    for (const [words, message] of [
      [[], "a file is missing; - is standard input"],
      [["a", "-i", "b"], "the file is named twice"],
      [
        [join(directory, "none")],
        `the file "${join(directory, "none")}" cannot be used: there is no such file`,
      ],
      [[directory], `the file "${directory}" cannot be used: it is a directory`],
    ] as const) {
      const { world, services } = await servedWorld(context);
      assert.notEqual(await world.run("image", "load", ...words), 0);
      assert.ok(world.stderr.text.includes(`error: ${message}`), world.stderr.text);
      assert.deepEqual(services.seen, []);
    }
    const { world } = await servedWorld(context, { terminal });
    assert.equal(await world.run("image", "load", "-"), 2);
    assert.equal(existsSync(join(directory, "none")), false);
  });
});
