import { type BangerError, fault } from "../../lib/errors/error.ts";

/** The error of a tar archive that breaks the format; `at` is the offset of the header concerned, in bytes. */
export function malformed(at: number, problem: string): BangerError {
  return fault("archive_invalid", { format: "tar", problem, offset: at });
}

export function truncated(at: number, within: string): BangerError {
  return fault("archive_truncated", { format: "tar", offset: at, within });
}
