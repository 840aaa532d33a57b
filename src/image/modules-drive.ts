import { createHash } from "node:crypto";
import type { WriteModules } from "../kernel/modules/drive.ts";
import { writeExt4 } from "./ext4/writer.ts";

const blockSize = 4096;
/** Block bitmaps, group descriptors and the extents of fragmented files, on top of content and inodes. */
const slack = 4 * 2 ** 20;

/** Writes a kernel's modules as the read-only ext4 image of its modules drive. The same tree gives the same bytes. */
export const writeModulesDrive: WriteModules = async (tree, path, signal) => {
  const inodes = tree.entries + 1024;
  // Every entry counts as a folder of one block: the tree does not say which are.
  const sizeBytes = tree.bytes + inodes * (256 + blockSize) + slack;
  const identity = createHash("sha256").update(`banger modules ${tree.release}`).digest();
  await using writer = await writeExt4({
    path,
    label: "banger-modules",
    uuid: identity.subarray(0, 16),
    hashSeed: identity.subarray(16, 32),
    sizeBytes: Math.ceil(sizeBytes / blockSize) * blockSize,
    journalBytes: 0,
    growToBytes: 0,
    bytesPerInode: Math.max(blockSize, Math.floor(sizeBytes / inodes)),
    epoch: { seconds: tree.time, nanoseconds: 0 },
    signal,
  });
  for await (const member of tree.members()) await writer.add(member, member.extents);
  await writer.finish();
};
