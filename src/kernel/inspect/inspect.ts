import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errnoOf, fault, isFault, messageOf } from "../../lib/errors/error.ts";
import { readBzImage, unpackBzImage } from "./bzimage.ts";
import { readElf } from "./elf.ts";
import { type Scanned, scanKernel } from "./scan.ts";

export interface KernelFacts {
  format: "bzImage" | "elf";
  /** `uname -r` */
  release: string;
  /** Text of the configuration that is in the kernel itself. */
  config?: string;
  /** Why what is in the kernel could not be looked at. */
  unseen?: string;
}

/** Bytes; a kernel with all its debugging symbols has half of that. */
const sizeLimit = 2 ** 30;

/**
 * Tells what kind of kernel a file is, by its bytes, and what it says of itself.
 *
 * @throws kernel_unusable, file_unusable, interrupted
 */
export async function inspectKernel(name: string, path: string, signal: AbortSignal): Promise<KernelFacts> {
  await using file = await openFile(path);
  const status = await file.stat();
  if (!status.isFile()) throw fault("file_unusable", { path, reason: "it is not a file" });
  const unusable = (problem: string): Error => fault("kernel_unusable", { name, problem });
  if (status.size > sizeLimit) throw unusable("it is over 1 GiB");
  const bzImage = await readBzImage(file);
  if (bzImage) {
    const { unseen, ...found } = await lookInside(file, bzImage.payload, signal);
    const release = bzImage.version.split(" ")[0] || found.release;
    if (!release) throw unusable("its version is not in its header");
    const { config } = found;
    return {
      format: "bzImage",
      release,
      ...(config === undefined ? {} : { config }),
      ...(unseen ? { unseen } : {}),
    };
  }
  const elf = await readElf(file);
  if (!elf) throw unusable(`it is neither a bzImage nor an ELF image${await hint(file)}`);
  if (elf.problem) throw unusable(elf.problem);
  const { release, config } = await scanKernel(createReadStream(path, { signal }));
  if (!release) throw unusable("it is an ELF image without the banner of a Linux kernel");
  if (!elf.hasPvhEntry) {
    throw unusable(
      "it has no PVH entry (CONFIG_PVH), without which QEMU starts no ELF image; give its bzImage",
    );
  }
  return { format: "elf", release, ...(config === undefined ? {} : { config }) };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    const reasons: Record<string, string> = { ENOENT: "there is no such file", EACCES: "permission denied" };
    const reason = reasons[errnoOf(error) ?? ""] ?? messageOf(error);
    throw fault("file_unusable", { path, reason }, error);
  }
}

async function lookInside(
  file: FileHandle,
  payload: { offset: number; length: number } | undefined,
  signal: AbortSignal,
): Promise<Scanned & { unseen?: string }> {
  if (!payload) return { unseen: "its header does not say where the kernel itself is" };
  const unpacked = await unpackBzImage(file, payload, signal);
  if (typeof unpacked === "string") return { unseen: `it is compressed with ${unpacked}` };
  try {
    return await scanKernel(unpacked);
  } catch (error) {
    if (isFault(error, "interrupted")) throw error;
    return { unseen: `it cannot be decompressed (${messageOf(error)})` };
  }
}

/** What people give by mistake. */
async function hint(file: FileHandle): Promise<string> {
  const { buffer } = await file.read(Buffer.alloc(64), 0, 64, 0);
  if (buffer.readUInt32LE(56) === 0x644d5241) return ": it is an Image for arm64";
  if (buffer[0] === 0x1f && buffer[1] === 0x8b) return ": it is compressed with gzip, unpack it first";
  if (buffer.toString("latin1", 0, 7) === "!<arch>") return ": it is a package, unpack it first";
  if (buffer.toString("latin1", 0, 2) === "MZ") return ": it is a program for EFI";
  return "";
}
