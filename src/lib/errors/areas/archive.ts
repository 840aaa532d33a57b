import { define, show } from "../define.ts";

/** Archive formats as such (tar, cpio, ar, compression), whatever they are read or written for. */
export const archiveErrors = {
  archive_invalid: define<{ format: string; problem: string; offset?: number }>({
    status: 422,
    message: (p) => `the ${p.format} data is not valid${at(p.offset)}: ${p.problem}`,
    remedy: () => "Take another copy of the file: this one is damaged, or it is something else",
    when: "An archive, or compressed data, breaks the rules of its format.",
  }),
  archive_truncated: define<{ format: string; offset: number; within: string }>({
    status: 422,
    message: (p) => `the ${p.format} data ends early, at byte ${p.offset}, ${p.within}`,
    remedy: () => "Fetch or make the file again: its end is missing",
    when: "An archive, or compressed data, stops before its end: a broken download or a maker that failed.",
  }),
  archive_too_large: define<{ format: string; what: string; limit: number; unit: string }>({
    status: 422,
    message: (p) => `the ${p.format} data has ${p.what} over the limit of ${p.limit} ${p.unit}`,
    remedy: () => "Do not use this file unless you trust its maker; its size is not plausible",
    when: "An archive has more, longer or larger parts than anything that is meant well.",
  }),
  archive_path_unsafe: define<{ path: string; problem: string }>({
    status: 422,
    message: (p) => `the archive holds the path ${show(p.path)}, which ${p.problem}`,
    remedy: () => "Do not use this archive: it may have been made to overwrite other files",
    when: "A path in an archive leads out of the folder that it is unpacked in, or no file can have it.",
  }),
  archive_entry_unwritable: define<{ path: string; problem: string }>({
    status: 422,
    message: (p) => `${show(p.path)} cannot be put into an archive: ${p.problem}`,
    remedy: () => "Leave the file out, or wait until nothing changes it",
    when: "A file changed its size while it was packed, or has an attribute that the format cannot hold.",
  }),
};

function at(offset: number | undefined): string {
  return offset === undefined ? "" : ` at byte ${offset}`;
}
