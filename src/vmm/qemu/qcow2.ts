import { open } from "node:fs/promises";
import type { DiskFile } from "../driver.ts";

/** 128 KiB, each of 32 sub-clusters of 4 KiB: a small write copies no more of the base than a page. */
const clusterBits = 17;
const clusterSize = 2 ** clusterBits;
/** With sub-clusters an entry has 16 bytes; a table is one cluster. */
const bytesPerTable = (clusterSize / 16) * clusterSize;
/** The largest that one cluster of the first table reaches. */
const mostTables = clusterSize / 8;

/** Clusters of an empty overlay, one after the other. */
const places = { header: 0, references: 1, counts: 2, tables: 3, end: 4 };

/** The largest disk that `writeOverlay` makes, in bytes: 16 TiB. */
export const largestOverlay = mostTables * bytesPerTable;

/**
 * Writes an empty overlay as `qemu-img create -o cluster_size=128k,extended_l2=on` does, without starting a program (QEMU's
 * docs/interop/qcow2.txt, version 3). The path must not exist; that of the backing, of at most 1023 bytes, stands in the overlay as it is.
 */
export async function writeOverlay(path: string, size: number, backing: DiskFile): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.write(header(size, backing), 0, undefined, places.header * clusterSize);
    await file.write(u64(places.counts * clusterSize), 0, undefined, places.references * clusterSize);
    await file.write(counts(), 0, undefined, places.counts * clusterSize);
    await file.truncate(places.end * clusterSize);
  } finally {
    await file.close();
  }
}

function header(size: number, { path, format }: DiskFile): Buffer {
  const name = Buffer.from(path);
  const extensions = Buffer.concat([extension(0xe2792aca, Buffer.from(format)), Buffer.alloc(8)]);
  const fixed = Buffer.alloc(112);
  fixed.write("QFI\xfb", 0, "latin1");
  fixed.writeUInt32BE(3, 4);
  fixed.writeBigUInt64BE(BigInt(fixed.length + extensions.length), 8);
  fixed.writeUInt32BE(name.length, 16);
  fixed.writeUInt32BE(clusterBits, 20);
  fixed.writeBigUInt64BE(BigInt(size), 24);
  fixed.writeUInt32BE(Math.max(1, Math.ceil(size / bytesPerTable)), 36);
  fixed.writeBigUInt64BE(BigInt(places.tables * clusterSize), 40);
  fixed.writeBigUInt64BE(BigInt(places.references * clusterSize), 48);
  fixed.writeUInt32BE(1, 56);
  // Incompatible features, bit 4: sub-clusters.
  fixed.writeBigUInt64BE(0x10n, 72);
  // References of 16 bits.
  fixed.writeUInt32BE(4, 96);
  fixed.writeUInt32BE(fixed.length, 100);
  return Buffer.concat([fixed, extensions, name]);
}

/** `u32 type, u32 length`, and the data padded to a multiple of 8. */
function extension(type: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8);
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(data.length, 4);
  data.copy(bytes, 8);
  return bytes;
}

/** Each of the clusters is used once. */
function counts(): Buffer {
  const bytes = Buffer.alloc(2 * places.end);
  for (let cluster = 0; cluster < places.end; cluster += 1) bytes.writeUInt16BE(1, 2 * cluster);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value), 0);
  return bytes;
}
