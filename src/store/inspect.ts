import { closeSync, copyFileSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { diskFault } from "../lib/atomic.ts";
import { type BangerError, errnoOf, fault, isFault, messageOf } from "../lib/errors/error.ts";
import { applicationId } from "./migrations.ts";

const magic = "SQLite format 3\0";
const headerSize = 100;

/**
 * Looks at a database without changing a byte of it or leaving a file beside it. Nobody may be writing to it. Returns its
 * schema version; undefined when there is no file.
 *
 * @throws database_newer, database_corrupt, directory_not_writable
 */
export function inspectDatabase(path: string, known: number): number | undefined {
  const header = readHeader(path);
  if (!header) return undefined;
  if (header.length === 0) throw corrupt(path, "it is empty");
  if (header.toString("latin1", 0, magic.length) !== magic)
    throw corrupt(path, "it is not an SQLite database");
  const version = hasLog(path) ? inspectCopy(path) : inspectFile(path, path, true);
  if (version > known) throw fault("database_newer", { path, version, known });
  return version;
}

function readHeader(path: string): Buffer | undefined {
  try {
    const file = openSync(path, "r");
    try {
      const header = Buffer.alloc(headerSize);
      return header.subarray(0, readSync(file, header, 0, headerSize, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "EISDIR") throw corrupt(path, "it is a directory", error);
    throw diskFault(error, path, "reading the database");
  }
}

/** A write-ahead log that a killed daemon left belongs to the content, but SQLite would change files to read it. */
function hasLog(path: string): boolean {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return log !== undefined && log.size > 0;
}

function inspectCopy(path: string): number {
  const directory = mkdtempSync(join(tmpdir(), "banger-inspect-"));
  try {
    const copy = join(directory, "copy.db");
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    return inspectFile(copy, path, false);
  } catch (error) {
    throw diskFault(error, directory, "copying the database");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function inspectFile(file: string, path: string, immutable: boolean): number {
  const url = pathToFileURL(file);
  // `immutable` keeps SQLite from making the files that it shares among the users of a database.
  if (immutable) url.search = "?immutable=1";
  try {
    const database = new DatabaseSync(url, { readOnly: immutable });
    try {
      const owner = pragma(database, "application_id");
      if (owner !== applicationId) throw corrupt(path, "it belongs to another program");
      const [row] = database.prepare("PRAGMA integrity_check(1)").all();
      const verdict = String(row?.integrity_check);
      if (verdict !== "ok") throw corrupt(path, firstLine(verdict));
      return pragma(database, "user_version");
    } finally {
      database.close();
    }
  } catch (error) {
    if (isFault(error)) throw error;
    throw corrupt(path, messageOf(error), error);
  }
}

function pragma(database: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function corrupt(path: string, problem: string, cause?: unknown): BangerError {
  return fault("database_corrupt", { path, problem }, cause);
}

function firstLine(text: string): string {
  return text.replace(/^\*\*\* in database main \*\*\*\n/, "").split("\n", 1)[0] ?? text;
}
