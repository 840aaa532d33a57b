import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { writeCpio } from "../../src/archive/cpio.ts";
import { makeInitramfs } from "../../src/kernel/initramfs.ts";
import { readCpio } from "../archive/cpio-reader.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

function setUp(t: TestContext) {
  const folder = temporaryDirectory(t);
  const agentBinary = join(folder, "agent");
  const modules = join(folder, "modules.cpio");
  const cache = join(folder, "cache");
  writeFileSync(agentBinary, "the agent");
  const entry = {
    type: "file",
    path: "etc/modules.load",
    mode: 0o644,
    content: Buffer.from("a.ko\n"),
  } as const;
  writeFileSync(modules, Buffer.concat([...writeCpio([entry])]));
  const make = (kernel = "mine"): Promise<string> => makeInitramfs({ kernel, agentBinary, modules, cache });
  return { agentBinary, modules, cache, make };
}

describe("the initramfs", () => {
  test("is the agent as /init, a console, and the kernel's own archive after it", async (t) => {
    const { make, modules } = setUp(t);
    const content = readFileSync(await make());
    const own = readFileSync(modules);
    assert.deepEqual(content.subarray(-own.length), own);
    const agent = readCpio(content.subarray(0, -own.length));
    assert.deepEqual(
      agent.map((entry) => `${entry.path} ${entry.mode.toString(8)} ${entry.content.toString()}`),
      ["dev 40755 ", "dev/console 20600 ", "init 100755 the agent"],
    );
    assert.equal((content.length - own.length) % 4, 0);
  });

  test("is made once for the same agent and kernel", async (t) => {
    const { make } = setUp(t);
    const path = await make();
    const { ino } = statSync(path);
    assert.equal(await make(), path);
    assert.equal(statSync(path).ino, ino);
  });

  test("is another one for another agent and for another kernel", async (t) => {
    const { make, agentBinary, modules } = setUp(t);
    const first = await make();
    writeFileSync(agentBinary, "another agent");
    const second = await make();
    writeFileSync(modules, Buffer.concat([...writeCpio([])]));
    const third = await make();
    assert.equal(new Set([first, second, third, await make("other")]).size, 4);
    assert.ok(readFileSync(second).includes("another agent"));
  });

  test("that was damaged in the cache is made again", async (t) => {
    const { make } = setUp(t);
    const path = await make();
    const good = readFileSync(path);
    for (const bad of [good.subarray(0, 10), Buffer.alloc(good.length)]) {
      writeFileSync(path, bad);
      assert.equal(await make(), path);
      assert.deepEqual(readFileSync(path), good);
    }
  });

  test("replaces old ones of the same kernel, not young ones nor those of others", async (t) => {
    const { make, cache } = setUp(t);
    mkdirSync(cache);
    const names = {
      old: "mine-0123456789ab-0123456789ab.cpio",
      young: "mine-ba9876543210-0123456789ab.cpio",
      other: "mine-two-0123456789ab-0123456789ab.cpio",
    };
    for (const name of Object.values(names)) writeFileSync(join(cache, name), "x");
    utimesSync(join(cache, names.old), 1, 1);
    utimesSync(join(cache, names.other), 1, 1);
    await make();
    assert.deepEqual(
      Object.values(names).map((name) => existsSync(join(cache, name))),
      [false, true, true],
    );
  });

  test("can be made several times at once", async (t) => {
    const { make, cache } = setUp(t);
    const paths = await Promise.all(Array.from({ length: 8 }, () => make()));
    assert.equal(new Set(paths).size, 1);
    assert.equal(readdirSync(cache).length, 1);
  });

  test("that cannot be written says so", async (t) => {
    const { agentBinary, modules } = setUp(t);
    await rejectsWith(
      makeInitramfs({ kernel: "mine", agentBinary, modules, cache: "/sys/kernel/banger" }),
      "directory_not_writable",
    );
  });
});
