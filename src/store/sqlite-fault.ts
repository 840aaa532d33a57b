import { dirname } from "node:path";
import { type BangerError, fault, messageOf } from "../lib/errors/error.ts";

/** Primary result codes (sqlite.org/rescode.html). */
const codes = {
  perm: 3,
  busy: 5,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
};

/** SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not get its size, which is how a full disk shows first. */
const sharedMemorySize = 4874;

/** What node:sqlite threw, as an error of ours; anything else as it is. */
export function sqliteFault(error: unknown, path: string, doing: string): unknown {
  const code = resultCode(error);
  if (code === undefined) return error;
  return code === sharedMemorySize
    ? fault("no_space", { path, doing }, error)
    : byPrimaryCode(code & 0xff, error, path, doing);
}

function byPrimaryCode(code: number, error: unknown, path: string, doing: string): BangerError {
  const reason = messageOf(error);
  switch (code) {
    case codes.full:
      return fault("no_space", { path, doing }, error);
    case codes.perm:
    case codes.readOnly:
    case codes.cannotOpen:
    case codes.io:
      return fault("directory_not_writable", { path: dirname(path), reason }, error);
    case codes.busy:
      return fault("busy", { what: `the database ${path}`, holder: "another process" }, error);
    case codes.corrupt:
    case codes.notADatabase:
      return fault("database_corrupt", { path, problem: reason }, error);
    default:
      return fault("internal", { detail: `the database refused: ${reason}` }, error);
  }
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
