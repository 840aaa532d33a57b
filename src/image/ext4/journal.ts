import { blockSize } from "./format.ts";

/** Less than this the kernel refuses (JBD2_MIN_JOURNAL_BLOCKS, jbd2.h). */
export const minJournalBlocks = 1024;

const magic = 0xc03b3998;
const superblockV2 = 4;

/**
 * The first block of an empty journal; the rest of it need not be written. Numbers are big-endian. Disk format: ext4
 * documentation, "Journal (jbd2)".
 *
 * @param uuid 16 bytes
 */
export function encodeJournalSuperblock(blocks: number, uuid: Buffer): Buffer {
  const bytes = Buffer.alloc(blockSize);
  bytes.writeUInt32BE(magic, 0x00);
  bytes.writeUInt32BE(superblockV2, 0x04);
  bytes.writeUInt32BE(blockSize, 0x0c);
  bytes.writeUInt32BE(blocks, 0x10);
  bytes.writeUInt32BE(1, 0x14); // first block of the log
  bytes.writeUInt32BE(1, 0x18); // first transaction expected
  uuid.copy(bytes, 0x30);
  bytes.writeUInt32BE(1, 0x40); // users
  return bytes;
}
