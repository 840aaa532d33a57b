import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Agent, connect } from "./agent.ts";
import { type Fields, op } from "./codec.ts";

const self: Fields = [
  [92, process.getuid?.() ?? 0],
  [93, process.getgid?.() ?? 0],
];

test("a file is written with its content, mode and owner, its directories made", async (t) => {
  const { agent, root } = await machine(t);
  const content = Buffer.from([0, 1, 2, 255]);
  assert.deepEqual(
    await write(agent, "/etc/app/deep/key", [
      [94, content],
      [91, 0o640],
    ]),
    [0, ""],
  );
  const path = join(root, "etc/app/deep/key");
  assert.deepEqual(readFileSync(path), content);
  assert.equal(statSync(path).mode & 0o7777, 0o640);
  assert.equal(statSync(join(root, "etc/app/deep")).mode & 0o7777, 0o755);
  assert.equal(statSync(path).uid, process.getuid?.());
});

test("set-id bits survive the change of owner, and the default mode is 0644", async (t) => {
  const { agent, root } = await machine(t);
  await write(agent, "/tool", [
    [94, "x"],
    [91, 0o4755],
  ]);
  await write(agent, "/plain", [[94, ""]]);
  assert.equal(statSync(join(root, "tool")).mode & 0o7777, 0o4755);
  assert.equal(statSync(join(root, "plain")).mode & 0o7777, 0o644);
});

test("an existing file is replaced in one step, a link is replaced and not followed", async (t) => {
  const { agent, root } = await machine(t);
  const outside = join(root, "..", "outside");
  mkdirSync(join(root, "etc"));
  writeFileSync(outside, "untouched");
  symlinkSync("../../outside", join(root, "etc/resolv.conf"));
  writeFileSync(join(root, "etc/hosts"), "old");
  await write(agent, "/etc/hosts", [[94, "new"]]);
  await write(agent, "/etc/resolv.conf", [[94, "own"]]);
  assert.equal(readFileSync(join(root, "etc/hosts"), "utf8"), "new");
  assert.ok(lstatSync(join(root, "etc/resolv.conf")).isFile());
  assert.equal(readFileSync(outside, "utf8"), "untouched");
  assert.deepEqual(readdirSync(join(root, "etc")).sort(), ["hosts", "resolv.conf"]);
});

test("links on the way are resolved inside the root", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "usr/lib"), { recursive: true });
  symlinkSync("/usr/lib", join(root, "lib"));
  symlinkSync("../../../../../..", join(root, "up"));
  assert.deepEqual(await write(agent, "/lib/x", [[94, "absolute"]]), [0, ""]);
  assert.deepEqual(await write(agent, "/up/y", [[94, "upward"]]), [0, ""]);
  assert.deepEqual(await write(agent, "/../../z", [[94, "dots"]]), [0, ""]);
  assert.equal(readFileSync(join(root, "usr/lib/x"), "utf8"), "absolute");
  assert.equal(readFileSync(join(root, "y"), "utf8"), "upward");
  assert.equal(readFileSync(join(root, "z"), "utf8"), "dots");
});

test("conditions that are not met change nothing", async (t) => {
  const { agent, root } = await machine(t);
  writeFileSync(join(root, "here"), "old");
  assert.deepEqual(
    await write(agent, "/here", [
      [94, "new"],
      [95, 2],
    ]),
    [17, "write: /here: File exists"],
  );
  assert.deepEqual(await write(agent, "/no/such/file", [[95, 1]]), [
    2,
    "directory: /no/such: No such file or directory",
  ]);
  assert.deepEqual(
    await write(agent, "/fresh", [
      [94, "x"],
      [95, 3],
    ]),
    [0, ""],
  );
  assert.equal(readFileSync(join(root, "here"), "utf8"), "old");
  assert.deepEqual(readdirSync(root).sort(), ["fresh", "here"]);
});

test("paths that name no file are refused", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "directory"));
  writeFileSync(join(root, "file"), "");
  const refused: [Fields, number, string][] = [
    [[[90, "relative"]], 22, "path: not an absolute path"],
    [[], 22, "path: not an absolute path"],
    [[[90, "/nul\0byte"]], 22, "path: not an absolute path"],
    [[[90, "/"]], 21, "path: / names a directory"],
    [[[90, "/directory/"]], 21, "path: /directory/ names a directory"],
    [[[90, "/directory/.."]], 21, "path: /directory/.. names a directory"],
    [[[90, "/directory"]], 21, "write: /directory: Is a directory"],
    [[[90, "/file/below"]], 20, "directory: /file: Not a directory"],
    [[[90, `/${"n".repeat(256)}`]], 36, `write: /${"n".repeat(256)}: File name too long`.slice(0, 255)],
  ];
  for (const [entries, errno, message] of refused) {
    const result = await agent.call(op.file, [...entries, ...self]);
    assert.deepEqual([result.errno, result.message], [errno, message]);
  }
  assert.deepEqual(readdirSync(root).sort(), ["directory", "file"]);
});

test("many files at once, and the largest that fits a frame", async (t) => {
  const { agent, root } = await machine(t);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => write(agent, `/many/${i}`, [[94, String(i)]])),
  );
  assert.ok(answers.every(([errno]) => errno === 0));
  for (let i = 0; i < 100; i++) assert.equal(readFileSync(join(root, "many", String(i)), "utf8"), String(i));
  await write(agent, "/large", [[94, Buffer.alloc(32600, 7)]]);
  assert.equal(statSync(join(root, "large")).size, 32600);
  assert.ok(!existsSync(join(root, "many/.banger-agent")));
});

test("info tells of the machine", async (t) => {
  const agent = await connect(t);
  const { errno, fields } = await agent.call(op.info, []);
  assert.equal(errno, 0);
  assert.equal(fields.get(85)?.toString(), hostname());
  assert.equal(fields.get(84)?.readUInt32LE(), 2);
  assert.equal(fields.get(86)?.toString(), readFileSync("/proc/1/comm", "utf8").trim());
  assert.equal(Number(fields.get(81)?.readBigUInt64LE()), totalmem());
  const available = fields.get(82)?.readBigUInt64LE() ?? 0n;
  assert.ok(available > 0n && available <= BigInt(totalmem()));
  assert.ok((fields.get(80)?.readBigUInt64LE() ?? 0n) > 0n);
  assert.equal(fields.get(83)?.length, 4);
});

async function write(agent: Agent, path: string, more: Fields): Promise<[number, string]> {
  const { errno, message } = await agent.call(op.file, [[90, path], ...self, ...more]);
  return [errno, message];
}

async function machine(t: TestContext): Promise<{ agent: Agent; root: string }> {
  const directory = mkdtempSync(join(tmpdir(), "banger-agent-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const root = join(directory, "root");
  mkdirSync(root);
  chmodSync(root, 0o755);
  return { agent: await connect(t, ["--root", root]), root };
}
