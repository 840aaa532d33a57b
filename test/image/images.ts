import { writeFile } from "node:fs/promises";
import type { BuiltRootfs, RootfsSource } from "../../src/image/source.ts";
import type { Context, Progress } from "../../src/lib/context.ts";
import type { ImageCatalogEntry } from "../../src/model/image.ts";

export const disk = "the root file system";

/** A source that writes a few bytes, and can be made to wait or to fail. */
export class FakeSource implements RootfsSource<"debian"> {
  readonly built: string[] = [];
  cleaned = 0;
  /** Called when the file has been written. */
  during: (name: string, context: Context) => Promise<void> = async () => undefined;

  async removeLeftovers(): Promise<void> {
    this.cleaned += 1;
  }

  async build(
    name: string,
    source: { recipe: string },
    path: string,
    context: Context,
  ): Promise<BuiltRootfs> {
    this.built.push(source.recipe);
    await writeFile(path, disk, { flag: "wx" });
    await this.during(name, context);
    return { init: "/sbin/init", detail: `${source.recipe} of today` };
  }
}

export function catalogEntry(name: string, recipes: string[] = [name]): ImageCatalogEntry {
  return {
    name,
    description: `the image ${name}`,
    arch: "amd64",
    distro: "debian",
    kernel: "generic-6.1",
    sources: recipes.map((recipe) => ({ kind: "debian", recipe })) as ImageCatalogEntry["sources"],
  };
}

/** A context whose progress can be looked at. */
export function listening(
  signal: AbortSignal = new AbortController().signal,
): Context & { heard: Progress[] } {
  const heard: Progress[] = [];
  return { signal, heard, report: (progress) => heard.push(progress) };
}

/** The least that passes for an ext4 file system: a superblock, of one block group and 64 blocks of 1 KiB. */
export function tinyExt4(change: (superblock: Buffer) => void = () => undefined): Buffer {
  const file = Buffer.alloc(64 * 1024);
  const block = file.subarray(1024, 2048);
  block.writeUInt32LE(16, 0x00); // inodes
  block.writeUInt32LE(64, 0x04); // blocks
  block.writeUInt32LE(8192, 0x20); // blocks per group
  block.writeUInt32LE(16, 0x28); // inodes per group
  block.writeUInt16LE(0xef53, 0x38);
  block.writeUInt16LE(1, 0x3a); // clean
  block.writeUInt32LE(1, 0x4c); // revision
  block.writeUInt16LE(256, 0x58); // inode size
  block.writeUInt32LE(0x42, 0x60); // filetype, extents
  change(block);
  return file;
}
