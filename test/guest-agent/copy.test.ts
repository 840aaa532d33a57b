import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { file, pack, readAll } from "../archive/support.ts";
import { type Agent, connect } from "./agent.ts";
import { type Fields, fields, op, type } from "./codec.ts";
import type { Outcome } from "./peer.ts";

const isRoot = process.getuid?.() === 0;

test("files are packed under the name that was asked for, links on the way resolved inside the root", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "srv/app"), { recursive: true });
  writeFileSync(join(root, "srv/app/main"), "content");
  symlinkSync("/srv/app", join(root, "link"));
  const { code, stdout, stderr } = await run(agent, op.pack, [
    [130, "/link"],
    [131, "app"],
  ]);
  assert.deepEqual([code, String(stderr)], [0, ""]);
  const members = await readAll(stdout);
  assert.deepEqual(
    members.map(({ path, bytes }) => `${path}: ${bytes}`),
    ["app: ", "app/main: content"],
  );
});

test("an archive is unpacked below a directory, or under the name of what is missing", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "srv"));
  const archive = await pack(file("app", "", { type: "directory", mode: 0o750 }), file("app/main", "x"));
  for (const path of ["/srv", "/new"]) {
    const { code, stdout } = await run(agent, op.unpack, [[130, path]], archive);
    assert.deepEqual([code, String(stdout)], [0, "2 1 0\n"]);
  }
  assert.equal(readFileSync(join(root, "srv/app/main"), "utf8"), "x");
  assert.equal(readFileSync(join(root, "new/main"), "utf8"), "x");
  assert.equal(statSync(join(root, "new")).mode & 0o7777, 0o750);
});

test("a link that is there is followed as long as it stays below the destination", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "usr/lib"), { recursive: true });
  mkdirSync(join(root, "srv"));
  symlinkSync("usr/lib", join(root, "lib"));
  symlinkSync("../usr", join(root, "srv/out"));
  const archive = await pack(file("lib", "", { type: "directory" }), file("lib/new", "x"));
  assert.equal((await run(agent, op.unpack, [[130, "/"]], archive)).code, 0);
  assert.equal(readFileSync(join(root, "usr/lib/new"), "utf8"), "x");
  const { code, stderr } = await run(agent, op.unpack, [[130, "/srv"]], await pack(file("out/x", "x")));
  assert.deepEqual([code, String(stderr)], [1, "71 out: a link leads out of the destination\n"]);
  assert.deepEqual(readdirSync(join(root, "usr")), ["lib"]);
});

test("one file is replaced in one step; it keeps its mode unless one is given", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/motd"), "old", { mode: 0o600 });
  const before = statSync(join(root, "etc/motd")).ino;
  assert.equal((await run(agent, op.store, [[130, "/etc/motd"]], Buffer.from("new"))).code, 0);
  assert.equal((await run(agent, op.store, [[130, "/etc/fresh"]], Buffer.alloc(200_000, 1))).code, 0);
  const mode: Fields = [
    [130, "/etc/tool"],
    [134, 0o4755],
  ];
  const { stdout } = await run(agent, op.store, mode, Buffer.alloc(0));
  assert.equal(String(stdout), "1 0 0\n");
  assert.equal(readFileSync(join(root, "etc/motd"), "utf8"), "new");
  assert.notEqual(statSync(join(root, "etc/motd")).ino, before);
  const modes = ["motd", "fresh", "tool"].map((name) => statSync(join(root, "etc", name)).mode & 0o7777);
  assert.deepEqual(modes, [0o600, 0o644, 0o4755]);
  assert.deepEqual(readdirSync(join(root, "etc")).sort(), ["fresh", "motd", "tool"]);
});

test("owners are root's, those of the archive, or the ones that were named", { skip: !isRoot }, async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/passwd"), "ada:x:1234:1235::/home/ada:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "crew:x:77:\n");
  const archive = await pack(file("x", "x", { uid: 500, gid: 501 }));
  const owners = async (more: Fields): Promise<number[]> => {
    assert.equal((await run(agent, op.unpack, [[130, "/to"], ...more], archive)).code, 0);
    const { uid, gid } = statSync(join(root, "to"));
    return [uid, gid];
  };
  assert.deepEqual(await owners([]), [0, 0]);
  assert.deepEqual(await owners([[132, 2]]), [500, 501]);
  assert.deepEqual(await owners([[133, "ada"]]), [1234, 1235]);
  assert.deepEqual(
    await owners([
      [133, "ada:crew"],
      [132, 2],
    ]),
    [1234, 77],
  );
  const { errno, message } = await agent.call(op.unpack, [
    [130, "/to"],
    [133, "nobody-here"],
  ]);
  assert.deepEqual([errno, message], [3, "no user named nobody-here"]);
});

test("what cannot begin is refused with its reason", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "directory"));
  writeFileSync(join(root, "file"), "");
  const refused: [number, Fields, number, string][] = [
    [op.pack, [[130, "/missing"]], 2, "/missing: No such file or directory"],
    [op.pack, [], 22, "the path is missing, not absolute, too long, or has a NUL in it"],
    [op.pack, [[130, "relative"]], 22, "the path is missing, not absolute, too long, or has a NUL in it"],
    [
      op.pack,
      [
        [130, "/file"],
        [131, ""],
      ],
      22,
      "a name that is empty, or has a NUL in it",
    ],
    [op.unpack, [[130, "/no/such"]], 2, "/no/such: No such file or directory"],
    [
      op.unpack,
      [
        [130, "/file"],
        [132, 1],
      ],
      20,
      "/file: Not a directory",
    ],
    [op.unpack, [[130, "/file/below"]], 20, "/file/below: Not a directory"],
    [op.store, [[130, "/directory"]], 21, "/directory: Is a directory"],
    [op.store, [[130, "/missing/"]], 2, "/missing/: No such file or directory"],
    [
      op.store,
      [
        [130, "/x"],
        [14, 1],
      ],
      22,
      "a copy has no terminal",
    ],
  ];
  for (const [operation, entries, errno, message] of refused) {
    const result = await agent.call(operation, entries);
    assert.deepEqual([result.errno, result.message], [errno, message]);
  }
  assert.deepEqual(readdirSync(root).sort(), ["directory", "file"]);
});

test("a copy that is given up, or loses its host, takes back what it has made", async (t) => {
  const { agent, root } = await machine(t);
  mkdirSync(join(root, "there"));
  const archive = await pack(file("a/one", "1"), file("a/two", Buffer.alloc(100_000)));
  const begin = async (): Promise<number> => {
    const stream = agent.open(op.unpack, [[130, "/there"]]);
    await agent.started(stream);
    for (let at = 0; at < 60_000; at += 20_000)
      agent.send(type.data, stream, archive.subarray(at, at + 20_000));
    await until(() => existsSync(join(root, "there/a/one")));
    return stream;
  };
  agent.send(type.reset, await begin(), fields([]));
  await until(() => readdirSync(join(root, "there")).length === 0);
  await begin();
  await agent.hello();
  await until(() => readdirSync(join(root, "there")).length === 0);
  await until(() => agent.children().length === 0);
});

test("a file that cannot be read ends the packing with its name", {
  skip: isRoot && "root reads everything",
}, async (t) => {
  const { agent, root } = await machine(t);
  writeFileSync(join(root, "closed"), "", { mode: 0 });
  const { code, stderr } = await run(agent, op.pack, [[130, "/"]]);
  assert.deepEqual([code, String(stderr)], [1, "13 ./closed: Permission denied\n"]);
});

async function run(
  agent: Agent,
  operation: number,
  entries: Fields,
  input: Buffer = Buffer.alloc(0),
): Promise<Outcome> {
  const stream = agent.open(operation, entries);
  const [outcome] = await Promise.all([agent.finish(stream), agent.feed(stream, input)]);
  return outcome;
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    assert.ok(Date.now() < end, "it never came to that");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function machine(t: TestContext): Promise<{ agent: Agent; root: string }> {
  const root = mkdtempSync(join(tmpdir(), "banger-agent-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return { agent: await connect(t, ["--root", root]), root };
}
