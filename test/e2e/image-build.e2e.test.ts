import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { DebianArchive } from "../../src/debian/archive.ts";
import { DebianBuilder } from "../../src/image/debian/builder.ts";
import type { Context } from "../../src/lib/context.ts";
import { hashFile } from "../../src/lib/hash-file.ts";
import { configSchema } from "../../src/model/config.ts";
import { type Found, ImageReader } from "../image/ext4/support/reader.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Real builds from Debian's real archive; no machine is started. */

/** Small, but with setuid and setgid files, a capability, hard links, odd owners and links of all kinds. */
const recipe = `
suite = "bookworm"
components = ["main"]
libc = "2.36"
init = "/sbin/init"
size = "512M"
journal = "8M"
packages = ["dbus", "iputils-ping", "sudo", "xz-utils", "zip"]
[[file]]
path = "/etc/added"
content = "by the recipe"
`;

/** Prints `path -> facts` of every member of the archive on its standard input, as JSON. */
const listTar = `
import hashlib, json, sys, tarfile
entries, hashes = {}, {}
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|", encoding="latin-1", errors="strict") as archive:
    for member in archive:
        path = member.name.removeprefix("./").removeprefix(".")
        kind = {b"0": "file", b"1": "file", b"2": "symlink", b"3": "character", b"5": "directory"}[member.type]
        facts = {"type": kind, "mode": member.mode, "uid": member.uid, "gid": member.gid, "xattrs": {}}
        if member.isfile():
            hashes[path] = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
        if member.islnk():
            target = member.linkname.removeprefix("./")
            hashes[path] = hashes[target]
            facts["same"] = target
        if member.issym():
            facts["target"] = member.linkname
        for key, value in member.pax_headers.items():
            if key.startswith("SCHILY.xattr."):
                facts["xattrs"][key.removeprefix("SCHILY.xattr.")] = value.encode("latin-1").hex()
        facts["sha256"] = hashes.get(path)
        facts["mtime"] = int(member.mtime)
        entries[path] = facts
json.dump(entries, sys.stdout)
`;

interface Facts {
  type: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  xattrs: Record<string, string>;
  target?: string;
  /** The earlier member that this one is a hard link to. */
  same?: string;
  sha256: string | null;
}

describe("a real build", () => {
  test("has everything of the archive as the archive has it, and what the recipe adds", async (t) => {
    const world = makeWorld(t);
    world.wrap(`/usr/bin/mmdebstrap "$@" | tee "$OUT/tree.tar"`);
    await world.builder.build("mine", { recipe: "test" }, world.image, quiet());

    const members = membersOf(join(world.directory, "tree.tar"));
    const found = new ImageReader(world.image).list();
    for (const [path, facts] of Object.entries(members)) compareEntry(path, facts, found);
    const dated = "etc/apt/apt.conf.d/90banger-dated-mirror";
    const added = [...found.keys()].filter((path) => !(path in members) && path !== dated);
    assert.deepEqual(added.toSorted(), ["etc/added", "etc/apt/sources.list.d/debian.sources", "lost+found"]);

    // That the comparison had something to compare.
    const all = Object.values(members);
    assert.ok(all.length > 3000, `${all.length} members`);
    assert.equal((members["usr/bin/sudo"]?.mode ?? 0) & 0o7777, 0o4755);
    assert.equal((members["usr/bin/chage"]?.mode ?? 0) & 0o7777, 0o2755);
    assert.notEqual(members["usr/lib/dbus-1.0/dbus-daemon-launch-helper"]?.gid, 0);
    assert.ok(members["usr/bin/ping"]?.xattrs["security.capability"]);
    assert.ok(all.some((facts) => facts.same));
    assert.equal(members.bin?.target, "usr/bin");
    assert.ok(all.every((facts) => facts.type !== "file" || facts.sha256));
    assert.deepEqual(readdirSync(world.workspaces), []);
  });

  test("gives the same bytes in another place, under another mask and in another language", async (t) => {
    const here = makeWorld(t);
    await here.builder.build("mine", { recipe: "test" }, here.image, quiet());
    const there = makeWorld(t, { LANG: "de_DE.UTF-8", TZ: "Asia/Tokyo" }, "a b");
    const mask = process.umask(0o077);
    try {
      await there.builder.build("mine", { recipe: "test" }, there.image, quiet());
    } finally {
      process.umask(mask);
    }
    assert.equal(await hashFile(there.image), await hashFile(here.image));
  });

  const isRoot = process.getuid?.() === 0;
  test("as real root, for a suite older than the host, gives the same tree", { skip: !isRoot }, async (t) => {
    const [faked, real] = [makeWorld(t), makeWorld(t)];
    writeFileSync(join(real.directory, "recipes/test/recipe.toml"), recipe.replace("2.36", "2.1"));
    const modes: string[] = [];
    for (const world of [faked, real]) {
      world.wrap(`echo "mode: $1" >&2; exec /usr/bin/mmdebstrap "$@"`);
      world.onLine((line) => line.startsWith("mode: ") && modes.push(line));
      await world.builder.build("mine", { recipe: "test" }, world.image, quiet());
    }
    assert.deepEqual(modes, ["mode: --mode=fakechroot", "mode: --mode=root"]);
    const [a, b] = [new ImageReader(faked.image).list(), new ImageReader(real.image).list()];
    assert.deepEqual([...a.keys()].toSorted(), [...b.keys()].toSorted());
    const differing = [...a].filter(
      ([path, found]) => !isDeepStrictEqual(comparable(found), comparable(b.get(path))),
    );
    // apt gives them to its own user where that one can get at them, and does so again whenever it runs.
    assert.deepEqual(differing.map(([path]) => path).toSorted(), [
      "var/cache/apt/archives/partial",
      "var/lib/apt/lists/partial",
    ]);
  });

  test("that is cancelled leaves no file, no process and no message queue", async (t) => {
    const world = makeWorld(t);
    const abort = new AbortController();
    const queues = messageQueues();
    const reached = new Promise<void>((resolve) =>
      world.onLine((line) => line.startsWith("Unpacking sudo") && resolve()),
    );
    const building = world.builder.build("mine", { recipe: "test" }, world.image, quiet(abort.signal));
    building.catch(() => undefined);
    await reached;
    abort.abort();
    await rejectsWith(building, "interrupted");
    assert.deepEqual(readdirSync(world.workspaces), []);
    assert.ok(!existsSync(world.image));
    assert.deepEqual(processesUnder(world.workspaces), []);
    assert.deepEqual(messageQueues(), queues);
  });

  const tampered = /\/gzip_[^/]*\.deb$/;
  test("names the file that was changed on its way", async (t) => {
    const proxy = await startProxy(t, async (path, send) => {
      const { status, headers, body } = await send();
      if (tampered.test(path)) body.writeUInt8(body.readUInt8(body.length - 100) ^ 1, body.length - 100);
      return { status, headers, body };
    });
    const world = makeWorld(t, { http_proxy: proxy });
    const building = world.builder.build("mine", { recipe: "test" }, world.image, quiet());
    await rejectsWith(
      building,
      "archive_bad_hash",
      /^"http.*\/gzip_.*\.deb" has SHA-256 [0-9a-f]{64}, expected /,
    );
    assert.deepEqual(readdirSync(world.workspaces), []);
  });

  test("names the file that the mirror does not have", async (t) => {
    const proxy = await startProxy(t, async (path, send) =>
      tampered.test(path) ? { status: 404, headers: {}, body: Buffer.from("no") } : await send(),
    );
    const world = makeWorld(t, { http_proxy: proxy });
    const building = world.builder.build("mine", { recipe: "test" }, world.image, quiet());
    await rejectsWith(
      building,
      "archive_unreachable",
      /^cannot reach "http.*\/gzip_.*\.deb": 404 +Not Found$/,
    );
  });
});

function compareEntry(path: string, facts: Facts, found: Map<string, Found>): void {
  const here = found.get(path);
  assert.ok(here, `${path} is missing`);
  const xattrs = Object.fromEntries([...here.xattrs].map(([name, value]) => [name, value.toString("hex")]));
  const { type, mode, uid, gid, mtime } = facts;
  assert.deepEqual(
    {
      type: here.type,
      mode: here.mode & 0o7777,
      uid: here.uid,
      gid: here.gid,
      xattrs,
      mtime: here.mtime.seconds,
    },
    { type, mode: type === "symlink" ? 0o777 : mode, uid, gid, xattrs: facts.xattrs, mtime },
    path,
  );
  assert.equal(here.target, facts.target, path);
  if (facts.same) assert.equal(here.inode, found.get(facts.same)?.inode, `${path} and ${facts.same}`);
  if (facts.type === "file") assert.equal(sha256(here.content ?? Buffer.alloc(0)), facts.sha256, path);
}

/** All but the places in the image; a directory's content is the order of its names, by a hash of the image's own. */
function comparable(found: Found | undefined): Partial<Found> {
  assert.ok(found);
  const { inode: _, blocks: __, content, size, ...rest } = found;
  return found.type === "directory" ? rest : { ...rest, size, ...(content ? { content } : {}) };
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Listed by Python's reader, which shares nothing with ours. */
function membersOf(tar: string): Record<string, Facts> {
  const listing = spawnSync("sh", ["-c", `python3 -c "$1" <"$2"`, "sh", listTar, tar], {
    maxBuffer: 2 ** 28,
  });
  assert.equal(listing.status, 0, listing.stderr.toString());
  return JSON.parse(listing.stdout.toString()) as Record<string, Facts>;
}

interface World {
  builder: DebianBuilder;
  directory: string;
  image: string;
  workspaces: string;
  /** Puts a script in the place of mmdebstrap; `$OUT` is the world's directory. */
  wrap(script: string): void;
  onLine(hear: (line: string) => void): void;
}

function makeWorld(t: TestContext, env: NodeJS.ProcessEnv = {}, folder = "."): World {
  const directory = join(temporaryDirectory(t), folder);
  const recipes = join(directory, "recipes");
  mkdirSync(join(recipes, "test"), { recursive: true });
  writeFileSync(join(recipes, "test/recipe.toml"), recipe);
  mkdirSync(join(directory, "bin"));
  const { mirror, security_mirror: securityMirror } = configSchema.parse({}).archive;
  const archive = new DebianArchive({ mirror, securityMirror, downloads: join(directory, "downloads") });
  t.after(() => archive.close());
  let hear = (_: string): void => undefined;
  const workspaces = join(directory, "build");
  const builder = new DebianBuilder({
    mirror,
    securityMirror,
    archive,
    workspaces,
    recipes,
    env: { ...process.env, PATH: `${join(directory, "bin")}:${process.env.PATH}`, ...env },
    log: (line) => hear(line),
  });
  return {
    builder,
    directory,
    image: join(directory, "rootfs.ext4"),
    workspaces,
    wrap: (script) => {
      const program = join(directory, "bin/mmdebstrap");
      writeFileSync(program, `#!/bin/sh\nOUT=${directory}\n${script}\n`);
      chmodSync(program, 0o755);
    },
    onLine: (listener) => {
      hear = listener;
    },
  };
}

function quiet(signal: AbortSignal = AbortSignal.timeout(600_000)): Context {
  return { signal, report: () => undefined };
}

/** Ids of the message queues of this host (proc_sysvipc(5)), of which fakeroot makes two. */
function messageQueues(): string[] {
  const lines = readFileSync("/proc/sysvipc/msg", "utf8").trim().split("\n").slice(1);
  return lines.map((line) => line.trim().split(/\s+/)[1] ?? "").toSorted();
}

/** Processes that work in a directory or were told of it. */
function processesUnder(directory: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`TMPDIR=${directory}`);
    } catch {
      return false;
    }
  });
}

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: Buffer;
}

type Meddle = (path: string, send: () => Promise<Answer>) => Promise<Answer>;

/** An HTTP proxy that may change what it passes on. */
async function startProxy(t: TestContext, meddle: Meddle): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const { status, headers, body } = await meddle(incoming.url ?? "", () => forward(incoming));
    outgoing.writeHead(status, headers);
    outgoing.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function forward(incoming: IncomingMessage): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(incoming.url ?? "", { headers: incoming.headers }, resolve)
    .on("error", reject)
    .end();
  const response = await promise;
  const pieces: Buffer[] = [];
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  return { status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(pieces) };
}
