import { crc32c, crc32cOfNumber } from "./crc32c.ts";

/**
 * Seeds of the metadata checksums (feature metadata_csum): each structure's checksum continues from one of these, so
 * that a block read from the wrong file system, inode or group is noticed.
 */
export class ChecksumSeeds {
  /** Of structures that belong to no inode. */
  readonly fileSystem: number;

  /** `uuid`: the 16 bytes of the file system's UUID. */
  constructor(uuid: Buffer) {
    this.fileSystem = crc32c(0xffffffff, uuid);
  }

  /** Of an inode and of the blocks it owns. The generation is 0 in everything this writer makes. */
  inode(number: number): number {
    return crc32cOfNumber(crc32cOfNumber(this.fileSystem, number), 0);
  }
}
