import { decompress } from "../../archive/compression/decompress.ts";
import type { TarMember } from "../../archive/tar/entry.ts";
import { readTar } from "../../archive/tar/read.ts";
import { diskFault } from "../../lib/atomic.ts";
import type { Context } from "../../lib/context.ts";
import { show } from "../../lib/errors/define.ts";
import { type BangerError, fault } from "../../lib/errors/error.ts";
import { formatSize } from "../../lib/size.ts";
import { reportInterval, reportWritten } from "../rootfs.ts";
import { manifestFile, rootfsFile } from "../store/entry.ts";
import { type BundleLimits, usualBundleLimits } from "./limits.ts";
import { type BundleManifest, parseBundleManifest } from "./manifest.ts";
import { SparseFile } from "./sparse-file.ts";

/** Bytes of the archive besides the content of the file system: headers, its map, the padding at the end. */
const overhead = 8 * 2 ** 20;
/** Magic number of ext2 and its successors (Documentation/filesystems/ext4/super.rst of the kernel). */
const superblockMagic = { offset: 1024 + 0x38, value: 0xef53 };

/** A bundle that is being read: its manifest first, then its root file system, to its end. */
export class BundleReader implements AsyncDisposable {
  readonly manifest: BundleManifest;
  readonly #members: AsyncGenerator<TarMember, void, void>;
  readonly #meter: Meter;

  private constructor(
    manifest: BundleManifest,
    members: AsyncGenerator<TarMember, void, void>,
    meter: Meter,
  ) {
    this.manifest = manifest;
    this.#members = members;
    this.#meter = meter;
  }

  /**
   * Reads as far as the end of the manifest.
   *
   * @throws bundle_invalid, archive_invalid, archive_truncated, archive_too_large, interrupted, and what the source throws
   */
  static async open(
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    limits: BundleLimits = usualBundleLimits,
  ): Promise<BundleReader> {
    const meter = new Meter(source, limits);
    const tar = meter.bounded(decompress(meter.compressed(), "zstd", { signal }));
    const tarLimits = { contentBytes: limits.size + limits.manifest, entries: 16 };
    const members = readTar(tar, { limits: tarLimits });
    try {
      const member = await expectMember(members, manifestFile);
      const manifest = parseBundleManifest(await readSmall(member, limits.manifest));
      checkSize(manifest, limits);
      meter.allow(manifest.rootfs.size + limits.manifest + overhead);
      return new BundleReader(manifest, members, meter);
    } catch (error) {
      await members.return();
      throw error;
    }
  }

  /**
   * Writes the root file system to a path that does not exist, compared with the manifest, and reads the bundle to its end. The
   * caller removes what is there when it fails.
   *
   * @throws as `open`, and no_space, directory_not_writable
   */
  async writeRootfs(path: string, context: Context): Promise<void> {
    const member = await expectMember(this.#members, rootfsFile);
    await writeRootfs(member, this.manifest, path, this.#meter, context);
    const { value } = await this.#members.next();
    if (value) throw stranger(value, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#members.return();
  }
}

async function expectMember(
  members: AsyncGenerator<TarMember, void, void>,
  name: string,
): Promise<TarMember> {
  const { value: member } = await members.next();
  if (!member) throw invalid(`it has no ${name}`);
  if (member.path.toString() !== name || member.type !== "file") throw stranger(member, name);
  return member;
}

function stranger(member: TarMember, expected: string | undefined): BangerError {
  const name = show(member.path.toString());
  const what = member.type === "file" ? name : `the ${member.type} ${name}`;
  return invalid(`it has ${what} where ${expected ? `the file ${expected}` : "its end"} is expected`);
}

async function readSmall(member: TarMember, limit: number): Promise<Buffer> {
  if (member.size > limit) throw invalid(`its ${manifestFile} has more than ${formatSize(limit)}`);
  const pieces: Buffer[] = [];
  for await (const piece of member.content) pieces.push(piece);
  return Buffer.concat(pieces);
}

function checkSize({ rootfs }: BundleManifest, limits: BundleLimits): void {
  if (rootfs.size > limits.size) {
    const limit = formatSize(limits.size);
    throw invalid(`its root file system has ${formatSize(rootfs.size)}, over the limit of ${limit}`);
  }
}

async function writeRootfs(
  member: TarMember,
  { rootfs }: BundleManifest,
  path: string,
  meter: Meter,
  context: Context,
): Promise<void> {
  if (member.size !== rootfs.size) {
    throw invalid(`its ${rootfsFile} has ${member.size} bytes, its ${manifestFile} says ${rootfs.size}`);
  }
  try {
    await using file = await SparseFile.create(path, member.size, context.signal);
    let reported = 0;
    for await (const extent of member.extents) {
      await file.write(extent);
      meter.checkRatio(file.written);
      if (file.written - reported < reportInterval) continue;
      reported = file.written;
      reportWritten(context, reported);
    }
    const sha256 = await file.finish();
    if (sha256 !== rootfs.sha256) {
      throw invalid(`its ${rootfsFile} has SHA-256 ${sha256}, its ${manifestFile} says ${rootfs.sha256}`);
    }
    if (!(await file.hasUint16(superblockMagic))) throw invalid(`its ${rootfsFile} is no ext4 file system`);
  } catch (error) {
    throw diskFault(error, path, "writing the root file system");
  }
}

/** Counts what comes in and what becomes of it. */
class Meter {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #limits: BundleLimits;
  #taken = 0;
  #allowed: number;

  constructor(source: AsyncIterable<Uint8Array>, limits: BundleLimits) {
    this.#source = source;
    this.#limits = limits;
    this.#allowed = limits.manifest + overhead;
  }

  async *compressed(): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#source) {
      this.#taken += piece.length;
      yield piece;
    }
  }

  /** The archive, up to as many bytes as are allowed by then. */
  async *bounded(archive: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let passed = 0;
    for await (const piece of archive) {
      passed += piece.length;
      if (passed > this.#allowed) throw invalid(`it is longer than what its ${manifestFile} describes`);
      yield piece;
    }
  }

  allow(bytes: number): void {
    this.#allowed = bytes;
  }

  checkRatio(written: number): void {
    const { ratio, plausible } = this.#limits;
    if (written > plausible && written > ratio * this.#taken) {
      throw invalid(`it holds over ${ratio} times its own size in data, which is not plausible`);
    }
  }
}

function invalid(problem: string): BangerError {
  return fault("bundle_invalid", { problem });
}
