import type { ImageSurvey } from "./survey.ts";

const mebibyte = 2 ** 20;
const blockSize = 4096;
const inodeSize = 256;
/** The journal and some room, beside an eighth of the content: a machine's disk grows at its start. */
const slack = 32 * mebibyte;
const spareInodes = 4096;
/** mke2fs's own default. */
const usualBytesPerInode = 16_384;

/** What decides how large a file system has to be. */
export type ContentSize = Pick<ImageSurvey, "entries" | "directories" | "nameBytes" | "bytes">;

/** Sizes in bytes of a file system for an image. */
export interface RootfsSizes {
  size: number;
  journal: number;
  bytesPerInode: number;
}

/** @param wanted the size, when it was asked for; whether the content fits shows when it is written */
export function sizesFor(survey: ContentSize, wanted?: number): RootfsSizes {
  const inodes = survey.entries + spareInodes;
  // The writer leaves an eighth of a large directory's blocks free, and cannot fill them to the last byte.
  const directories = survey.directories * blockSize + survey.nameBytes * 1.3;
  const content = survey.bytes + directories + inodes * inodeSize;
  const enough = Math.ceil((content * 1.125 + slack) / mebibyte) * mebibyte;
  const size = wanted ?? enough;
  const journal = size < 2 ** 30 ? 16 * mebibyte : 64 * mebibyte;
  return {
    size,
    journal,
    bytesPerInode: Math.max(1024, Math.min(usualBytesPerInode, Math.floor(size / inodes))),
  };
}
