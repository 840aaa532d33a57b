import { createHash } from "node:crypto";
import type { TarMember } from "../archive/tar/entry.ts";
import type { Context } from "../lib/context.ts";
import { type Ext4Summary, type Ext4Writer, writeExt4 } from "./ext4/writer.ts";

export interface RootfsOptions {
  /** The file to make. */
  path: string;
  /** Bytes of the file system, and of its journal. */
  size: number;
  journal: number;
  /** Whatever makes this file system the one that it is: its identifiers are derived from it. */
  identity: string;
  /** Seconds since the epoch, for what has no time of its own. */
  time: number;
  /** One inode for so many bytes. Default: as `writeExt4`. */
  bytesPerInode?: number;
}

const label = "root";
/** Bytes between two reports. */
export const reportInterval = 8 * 2 ** 20;

/**
 * Writes a root file system as its files come by. On stable storage when this resolves; nothing is left when it fails.
 *
 * @throws root_filesystem_invalid, archive_path_unsafe, no_space, directory_not_writable, interrupted, and what the
 *   source throws
 */
export async function writeRootfs(
  members: AsyncIterable<TarMember>,
  options: RootfsOptions,
  context: Context,
): Promise<Ext4Summary> {
  await using image = await openRootfs(options, context.signal);
  let written = 0;
  let reported = 0;
  for await (const member of members) {
    await image.add(member, member.extents);
    written += member.size;
    if (written - reported < reportInterval) continue;
    reported = written;
    reportWritten(context, written);
  }
  reportWritten(context, written);
  return await image.finish();
}

/** The same, for who puts the files in one by one. */
export async function openRootfs(options: RootfsOptions, signal: AbortSignal): Promise<Ext4Writer> {
  const { path, size, journal, identity, time, bytesPerInode } = options;
  return await writeExt4({
    path,
    label,
    uuid: uuidOf(identity),
    hashSeed: digest(`${identity}\nhash seed`),
    sizeBytes: size,
    journalBytes: journal,
    epoch: { seconds: time, nanoseconds: 0 },
    hashed: true,
    signal,
    ...(bytesPerInode === undefined ? {} : { bytesPerInode }),
  });
}

export function reportWritten(context: Context, current: number): void {
  const message = "writing the root file system";
  context.report({ stage: "image.rootfs", state: "progress", message, current, unit: "bytes" });
}

/** Version 8: bits of our own choice (RFC 9562, section 5.8). */
function uuidOf(identity: string): Buffer {
  const uuid = digest(`${identity}\nuuid`);
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x80, 6);
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8);
  return uuid;
}

/** 16 bytes. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest().subarray(0, 16);
}
