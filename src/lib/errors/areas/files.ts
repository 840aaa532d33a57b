import { define, show } from "../define.ts";

/** Copies between the host and machines. */
export const fileErrors = {
  file_missing: define<{ path: string; where: string }>({
    status: 404,
    message: (p) => `${show(p.path)} does not exist ${p.where}`,
    remedy: () => "Check the path; the directory that a file is copied into must exist",
    when: "The source of a copy, or the directory that it goes into, does not exist.",
  }),
  copy_failed: define<{ what: string; reason: string; undone: boolean }>({
    status: 422,
    message: (p) =>
      `cannot copy ${p.what}: ${p.reason}${p.undone ? "; what had been copied was removed again" : ""}`,
    remedy: () => "Correct what the reason names and copy again",
    when: "A file could not be read or written, or the disk is full. New files are removed again; one that was replaced stays replaced.",
  }),
};
