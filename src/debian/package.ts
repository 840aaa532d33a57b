import { fault } from "../lib/errors/error.ts";
import { parseStanza } from "./deb822.ts";

/** A binary package as an index describes it. */
export interface DebianPackage {
  name: string;
  version: string;
  architecture: string;
  /** As written: `a (>= 1), b | c`. */
  depends: string;
  url: string;
  size: number;
  sha256: string;
}

/** One alternative of a dependency. */
export interface Dependency {
  name: string;
  /** Set for `(= version)`. */
  exactly?: string;
}

/**
 * Reads a package's stanza; `mirror` is what its Filename is relative to.
 *
 * @throws archive_malformed
 */
export function parsePackage(stanza: string, mirror: string, url: string): DebianPackage {
  const fields = parseStanza(stanza, url);
  const name = fields.get("package") ?? "";
  const need = (field: string, form: RegExp): string => {
    const value = fields.get(field.toLowerCase()) ?? "";
    if (form.test(value)) return value;
    throw fault("archive_malformed", {
      url,
      problem: `the ${field} of package ${JSON.stringify(name)} is ${JSON.stringify(value)}`,
    });
  };
  return {
    name: need("Package", /^[a-z0-9][a-z0-9+.-]*$/),
    version: need("Version", /^[0-9][A-Za-z0-9.+:~-]*$/),
    architecture: need("Architecture", /^[a-z0-9-]+$/),
    depends: fields.get("depends") ?? "",
    url: `${mirror}/${need("Filename", /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\s?#]+$/)}`,
    size: Number(need("Size", /^\d{1,15}$/)),
    sha256: need("SHA256", /^[0-9a-f]{64}$/),
  };
}

/** The dependencies in order, each a list of alternatives (deb-control(5)); architecture qualifiers are dropped. */
export function parseDepends(depends: string): Dependency[][] {
  return depends
    .split(",")
    .map((clause) => clause.split("|").flatMap(parseAlternative))
    .filter((alternatives) => alternatives.length > 0);
}

function parseAlternative(text: string): Dependency[] {
  const match = /^\s*([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9]+)?\s*(?:\(\s*([<>=]+)\s*([^\s)]+)\s*\))?/.exec(text);
  if (!match?.[1]) return [];
  return [match[2] === "=" && match[3] ? { name: match[1], exactly: match[3] } : { name: match[1] }];
}
