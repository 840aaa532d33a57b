import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import { crc32c } from "./crc32c.ts";

/** What its superblock says of a file system that may be anybody's. */
export interface Ext4Facts {
  /** Bytes. */
  size: number;
  /** Unmounted in order, and without known errors: nothing waits in its journal. */
  clean: boolean;
}

const superblockOffset = 1024;
const superblockBytes = 1024;
/** As far as the marks of other formats go. */
const headBytes = 68 * 1024;

/** The kernel's page: it mounts no larger blocks. */
const largestBlock = 4096;

const checksumFeature = 0x400;
const recoverFeature = 0x4;
const wideFeature = 0x80;

/** Features without which the kernel mounts nothing (fs/ext4/ext4.h, EXT4_FEATURE_INCOMPAT_SUPP), as of Linux 6.1. */
const knownIncompatible = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x38000;
/** Features without which it mounts only for reading; of those it knows, `readonly` itself is not wanted. */
const knownReadOnly =
  0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x8000 | 0x10000;
const journalDevice = 0x8;

/** Marks of what people take for a raw file system. */
const others: readonly [offset: number, mark: Buffer, name: string][] = [
  [0, Buffer.from("QFI\xfb", "latin1"), "a qcow2 image"],
  [0, Buffer.from([0x1f, 0x8b]), "compressed with gzip"],
  [0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), "compressed with zstd"],
  [0, Buffer.from("\xfd7zXZ\0", "latin1"), "compressed with xz"],
  [0, Buffer.from("hsqs"), "a squashfs"],
  [0, Buffer.from("XFSB"), "an XFS"],
  [257, Buffer.from("ustar"), "a tar archive"],
  [512, Buffer.from("EFI PART"), "a disk with a partition table"],
  [0x10040, Buffer.from("_BHRfS_M"), "a btrfs"],
  [510, Buffer.from([0x55, 0xaa]), "a disk with a partition table"],
];

/**
 * Reads the superblock of a raw file. It is not trusted: what it says is checked against the file and against what the kernel mounts.
 *
 * @throws image_file_invalid, image_file_missing, directory_not_writable
 */
export async function inspectExt4(path: string): Promise<Ext4Facts> {
  const file = await open(path, "r").catch((error: unknown) => {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") throw fault("image_file_missing", { path }, error);
    throw fault("directory_not_writable", { path: dirname(path), reason: errno ?? "unknown" }, error);
  });
  try {
    const status = await file.stat();
    if (!status.isFile()) throw fault("image_file_invalid", { path, problem: "is not a file" });
    const head = await readHead(file);
    const problem = findProblem(head, status.size);
    if (problem !== undefined) throw fault("image_file_invalid", { path, problem });
    return factsOf(superblockOf(head));
  } finally {
    await file.close();
  }
}

async function readHead(file: FileHandle): Promise<Buffer> {
  const head = Buffer.alloc(headBytes);
  const { bytesRead } = await file.read(head, 0, headBytes, 0);
  return head.subarray(0, bytesRead);
}

function superblockOf(head: Buffer): Buffer {
  return head.subarray(superblockOffset, superblockOffset + superblockBytes);
}

/** What is wrong, to be read after the path; undefined when nothing is. */
function findProblem(head: Buffer, fileSize: number): string | undefined {
  const block = superblockOf(head);
  if (block.length < superblockBytes) return "is too small for a file system";
  if (block.readUInt16LE(0x38) !== 0xef53) return `is ${otherFormat(head)}, not a raw ext4 file system`;
  const incompatible = block.readUInt32LE(0x60);
  const readOnly = block.readUInt32LE(0x64);
  if (
    (readOnly & checksumFeature) !== 0 &&
    crc32c(0xffffffff, block, 0, 0x3fc) !== block.readUInt32LE(0x3fc)
  ) {
    return "has a superblock whose checksum is wrong";
  }
  if (incompatible & journalDevice) return "is the journal of another file system";
  const unknown = (incompatible & ~knownIncompatible) >>> 0;
  if (unknown !== 0) return `has features that the kernel does not know (incompat 0x${unknown.toString(16)})`;
  const limiting = (readOnly & ~knownReadOnly) >>> 0;
  if (limiting !== 0) return `could only be read (ro_compat 0x${limiting.toString(16)})`;
  return findGeometryProblem(block, fileSize);
}

function findGeometryProblem(block: Buffer, fileSize: number): string | undefined {
  const logBlockSize = block.readUInt32LE(0x18);
  if (logBlockSize > 6) return "has a superblock that makes no sense";
  const blockSize = 1024 << logBlockSize;
  if (blockSize > largestBlock) return `has blocks of ${blockSize} bytes, which the kernel does not mount`;
  const counts = [0x00, 0x04, 0x20, 0x28].map((offset) => block.readUInt32LE(offset));
  if (
    counts.some((count) => count === 0) ||
    (block.readUInt16LE(0x58) & (block.readUInt16LE(0x58) - 1)) !== 0
  ) {
    return "has a superblock that makes no sense";
  }
  const { size } = factsOf(block);
  if (!Number.isSafeInteger(size)) return "has a superblock that makes no sense";
  if (size > fileSize) return `has ${fileSize} bytes, and its file system ${size}: it is cut off`;
  return undefined;
}

function factsOf(block: Buffer): Ext4Facts {
  const blockSize = 1024 << block.readUInt32LE(0x18);
  const incompatible = block.readUInt32LE(0x60);
  const high = incompatible & wideFeature ? block.readUInt32LE(0x150) : 0;
  const state = block.readUInt16LE(0x3a);
  return {
    size: (high * 2 ** 32 + block.readUInt32LE(0x04)) * blockSize,
    clean: state === 1 && (incompatible & recoverFeature) === 0,
  };
}

function otherFormat(head: Buffer): string {
  const found = others.find(
    ([offset, mark]) =>
      head.length >= offset + mark.length && mark.equals(head.subarray(offset, offset + mark.length)),
  );
  return found?.[2] ?? "something else";
}
