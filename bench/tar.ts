import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { readTar } from "../src/archive/tar/read.ts";
import { type TarInput, writeTar } from "../src/archive/tar/write.ts";

const rounds = 5;
const chunkSize = 1024 * 1024;

/** What reading a tar archive costs beyond reading its file: of one that is given, or of one like a Debian minbase. */
async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const directory = await mkdtemp(join(tmpdir(), "banger-bench-"));
  try {
    const path = positionals[0] ?? (await makeArchive(join(directory, "minbase.tar")));
    const { size } = await stat(path);
    console.log(`${path}: ${(size / 1e6).toFixed(0)} MB`);
    const plain = await best("plain read", () => readPlain(path));
    const names = await best("entries, contents skipped", () => readEntries(path, false));
    const contents = await best("entries and contents", () => readEntries(path, true));
    const copy = await best("read and write again", () => copyArchive(path));
    for (const [what, time] of Object.entries({ names, contents, copy })) {
      console.log(`${what}: ${(time - plain).toFixed(0)} ms beyond the plain read`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of the fastest round. */
async function best(what: string, work: () => Promise<string>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  let result = "";
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    result = await work();
    fastest = Math.min(fastest, performance.now() - began);
  }
  console.log(`${what}: ${fastest.toFixed(0)} ms (${result})`);
  return fastest;
}

async function readPlain(path: string): Promise<string> {
  let bytes = 0;
  for await (const chunk of open(path)) bytes += chunk.length;
  return `${bytes} bytes`;
}

async function readEntries(path: string, withContents: boolean): Promise<string> {
  let entries = 0;
  let bytes = 0;
  for await (const { content } of readTar(open(path))) {
    entries += 1;
    if (withContents) for await (const piece of content) bytes += piece.length;
  }
  return `${entries} entries, ${bytes} bytes`;
}

async function copyArchive(path: string): Promise<string> {
  let bytes = 0;
  for await (const piece of writeTar(readTar(open(path)))) bytes += piece.length;
  return `${bytes} bytes`;
}

function open(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: chunkSize });
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
    yield {
      path: Buffer.from(
        `./usr/share/doc/package-${index % 100}/${index % 9 === 0 ? "dir" : "file"}-${index}`,
      ),
      type: index % 9 === 0 ? "directory" : "file",
      mode: 0o644,
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
