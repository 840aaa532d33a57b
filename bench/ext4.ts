import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { readTar } from "../src/archive/tar/read.ts";
import { type TarInput, writeTar } from "../src/archive/tar/write.ts";
import { writeExt4 } from "../src/image/ext4/writer.ts";
import { run } from "../src/lib/process.ts";

const rounds = 3;
const mebibyte = 2 ** 20;
const sizeBytes = 8192 * mebibyte;

/**
 * A root file system from a tar: our writer against unpacking and `mke2fs -d`. The archive is one that is given, or one
 * like a Debian minbase.
 */
async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const directory = await mkdtemp(join(tmpdir(), "banger-bench-"));
  try {
    const archive = positionals[0] ?? (await makeArchive(join(directory, "minbase.tar")));
    console.log(`${archive}: ${((await stat(archive)).size / 1e6).toFixed(0)} MB`);
    const ours = await best("tar to ext4", join(directory, "ours"), (path) => writeOurs(archive, path));
    const tree = join(directory, "tree");
    const unpack = await best("unpacking alone", tree, (path) => unpackTo(archive, path));
    await unpackTo(archive, tree);
    const theirs = await best("mke2fs -d alone", join(directory, "theirs"), (path) => makeTheirs(tree, path));
    console.log(
      `mke2fs -d: ${(theirs / ours).toFixed(2)} times ours; with unpacking ${((theirs + unpack) / ours).toFixed(2)}`,
    );
    console.log(`most memory held: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of the fastest round; what it made is removed. */
async function best(what: string, path: string, work: (path: string) => Promise<void>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await work(path);
    fastest = Math.min(fastest, performance.now() - began);
    await rm(path, { recursive: true, force: true });
  }
  console.log(`${what}: ${fastest.toFixed(0)} ms`);
  return fastest;
}

async function writeOurs(archive: string, path: string): Promise<void> {
  await using writer = await writeExt4({
    path,
    label: "root",
    uuid: Buffer.alloc(16, 1),
    hashSeed: Buffer.alloc(16, 2),
    sizeBytes,
    journalBytes: 64 * mebibyte,
    epoch: { seconds: 1_700_000_000, nanoseconds: 0 },
  });
  for await (const member of readTar(createReadStream(archive, { highWaterMark: mebibyte }))) {
    await writer.add(member, member.extents);
  }
  await writer.finish();
}

/** Without device nodes, which an ordinary user cannot make. */
async function unpackTo(archive: string, path: string): Promise<void> {
  await mkdir(path);
  await run("tar", ["-xf", archive, "--anchored", "--exclude=./dev/*", "--no-same-owner", "-C", path]);
}

async function makeTheirs(tree: string, path: string): Promise<void> {
  await run("/usr/sbin/mke2fs", [
    "-q",
    "-t",
    "ext4",
    "-E",
    "root_owner=0:0",
    "-d",
    tree,
    path,
    `${sizeBytes / 1024}k`,
  ]);
}

/** 9,000 entries and 165 MB: most files small, a few large, as in the root file system of a minimal Debian. */
async function makeArchive(path: string): Promise<string> {
  await pipeline(writeTar(minbase()), createWriteStream(path));
  return path;
}

function* minbase(): Generator<TarInput, void, void> {
  const block = Buffer.alloc(20_000_000, "debian");
  for (let index = 0; index < 9000; index += 1) {
    const size = index % 9 === 0 ? 0 : index % 1500 === 1 ? block.length : 500 + ((index * 7919) % 11_000);
    const kind = index % 9 === 0 ? "directory" : "file";
    yield {
      path: Buffer.from(`./usr/share/doc/package-${index % 100}/${kind}-${index}`),
      type: kind,
      mode: kind === "directory" ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      size,
      mtime: { seconds: 1_700_000_000, nanoseconds: index % 20 === 0 ? 123_456_789 : 0 },
      xattrs: new Map(),
      content: [block.subarray(0, size)],
    };
  }
}

await main();
