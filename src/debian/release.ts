import { fault } from "../lib/errors/error.ts";
import { parseStanza } from "./deb822.ts";

/** A suite's release file, whose signature has been checked. */
export interface Release {
  /** Where it came from. */
  url: string;
  suite: string;
  codename: string;
  date: Date;
  validUntil: Date | undefined;
  /** Index files can be had by their hash, so that none of them changes between two requests. */
  byHash: boolean;
  /** Index files by their path, relative to the folder of the release file. */
  files: ReadonlyMap<string, { size: number; sha256: string }>;
}

/**
 * Reads the text of a release file (https://wiki.debian.org/DebianRepository/Format).
 *
 * @throws archive_malformed
 */
export function parseRelease(text: string, url: string): Release {
  const fields = parseStanza(text, url);
  const date = parseDate(fields.get("date"), "Date", url);
  if (!date) throw fault("archive_malformed", { url, problem: "it has no Date" });
  const list = fields.get("sha256");
  if (list === undefined) throw fault("archive_malformed", { url, problem: "it has no SHA256" });
  return {
    url,
    suite: fields.get("suite") ?? "",
    codename: fields.get("codename") ?? "",
    date,
    validUntil: parseDate(fields.get("valid-until"), "Valid-Until", url),
    byHash: fields.get("acquire-by-hash") === "yes",
    files: parseFiles(list, url),
  };
}

/** Lines of `hash size path`. */
function parseFiles(list: string, url: string): Release["files"] {
  const files = new Map<string, { size: number; sha256: string }>();
  for (const line of list.split("\n")) {
    if (line.trim() === "") continue;
    const match = /^([0-9a-f]{64})\s+(\d{1,15})\s+(\S+)$/.exec(line.trim());
    if (!match) {
      throw fault("archive_malformed", { url, problem: `${JSON.stringify(line)} is no hash, size and path` });
    }
    const [, sha256 = "", size = "", path = ""] = match;
    files.set(path, { sha256, size: Number(size) });
  }
  return files;
}

/** `Sat, 21 Nov 2026 00:53:02 UTC`, the only form that Debian uses. */
function parseDate(value: string | undefined, field: string, url: string): Date | undefined {
  if (value === undefined) return undefined;
  const time = /^\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d (UTC|GMT|\+0000)$/.test(value)
    ? Date.parse(value)
    : Number.NaN;
  if (Number.isNaN(time)) {
    throw fault("archive_malformed", { url, problem: `${field} is ${JSON.stringify(value)}` });
  }
  return new Date(time);
}
