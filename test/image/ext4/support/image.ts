import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TarEntry } from "../../../../src/archive/tar/entry.ts";
import type { Piece } from "../../../../src/image/ext4/content.ts";
import {
  type Ext4Options,
  type Ext4Summary,
  type Ext4Writer,
  writeExt4,
} from "../../../../src/image/ext4/writer.ts";
import { temporaryDirectory } from "../../../support/temporary.ts";
import { ImageReader } from "./reader.ts";

export const uuid = Buffer.from("6ba7b8109dad11d180b400c04fd430c8", "hex");
export const hashSeed = Buffer.from("00112233445566778899aabbccddeeff", "hex");
export const epoch = { seconds: 1_700_000_000, nanoseconds: 0 };
const mebibyte = 2 ** 20;

/** Options for a small file system without a journal, which cannot grow. */
export function smallOptions(path: string, more: Partial<Ext4Options> = {}): Ext4Options {
  const sizeBytes = 16 * mebibyte;
  return { path, label: "test", uuid, hashSeed, sizeBytes, journalBytes: 0, growToBytes: 0, epoch, ...more };
}

export interface TestEntry extends Partial<Omit<TarEntry, "path" | "link" | "xattrs">> {
  /** One character per byte, as `link`. */
  path: string;
  link?: string;
  content?: string | Buffer;
  pieces?: Piece[];
  xattrs?: Record<string, Buffer | string>;
}

export async function addEntry(writer: Ext4Writer, entry: TestEntry): Promise<void> {
  const { path, link, content, pieces, xattrs, ...rest } = entry;
  const data = Buffer.from(content ?? "");
  const attributes = Object.entries(xattrs ?? {}).map(([name, value]): [string, Buffer] => [
    name,
    Buffer.from(value),
  ]);
  const full: TarEntry = {
    path: Buffer.from(path, "latin1"),
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: { seconds: 1_600_000_000, nanoseconds: 0 },
    ...rest,
    ...(link === undefined ? {} : { link: Buffer.from(link, "latin1") }),
    xattrs: new Map(attributes),
  };
  await writer.add(full, stream(pieces ?? [{ offset: 0, data }]));
}

async function* stream(pieces: Piece[]): AsyncGenerator<Piece> {
  yield* pieces;
}

export interface Built {
  path: string;
  summary: Ext4Summary;
  reader: ImageReader;
}

/** An image of these entries, which e2fsck (where it is installed) finds nothing to say about. */
export async function build(
  context: Pick<TestContext, "after">,
  entries: readonly TestEntry[],
  more: Partial<Ext4Options> = {},
): Promise<Built> {
  const path = join(temporaryDirectory(context), "image");
  await using writer = await writeExt4(smallOptions(path, more));
  for (const entry of entries) await addEntry(writer, entry);
  const summary = await writer.finish();
  checkImage(path);
  return { path, summary, reader: new ImageReader(path) };
}

/** Where a program of e2fsprogs is: ordinary users do not have its directory on their path. */
export function e2fsprogs(name: string): string | undefined {
  return ["/usr/sbin", "/sbin", "/usr/bin"]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

export const withoutE2fsprogs = e2fsprogs("e2fsck") ? false : "e2fsprogs is not installed";

/** Asserts that e2fsck, when it is installed, calls the image clean. */
export function checkImage(path: string): void {
  const program = e2fsprogs("e2fsck");
  if (!program) return;
  const { status, stdout, stderr } = spawnSync(program, ["-fn", path], { encoding: "utf8" });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

/** What debugfs prints for a request. */
export function debugfs(path: string, request: string): string {
  const program = e2fsprogs("debugfs") ?? "debugfs";
  const { stdout, stderr, status } = spawnSync(program, ["-R", request, path], { encoding: "latin1" });
  assert.equal(status, 0, stderr);
  return stdout;
}
