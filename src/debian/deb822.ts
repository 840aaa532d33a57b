import { show } from "../lib/errors/define.ts";
import { fault } from "../lib/errors/error.ts";

/** A stanza of a control file: field names in lower case to values, continuation lines joined by "\n". */
export type Stanza = ReadonlyMap<string, string>;

/** Longest stanza that is taken, in bytes; Debian's longest is a fifth of that. */
const stanzaLimit = 1024 * 1024;
const newline = 0x0a;

/**
 * Parses one stanza (deb822(5)); comments are skipped. `url` is what errors name.
 *
 * @throws archive_malformed for a field that occurs twice, or a line that is neither a field nor a continuation
 */
export function parseStanza(text: string, url: string): Stanza {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (name === undefined) throw malformed(url, "a continuation line comes first");
      fields.set(name, `${fields.get(name)}\n${line.slice(1).trimEnd()}`);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon < 1 || /\s/.test(line.slice(0, colon))) {
      throw malformed(url, `${show(line.slice(0, 60))} is no field`);
    }
    name = line.slice(0, colon).toLowerCase();
    if (fields.has(name)) throw malformed(url, `the field ${show(name)} occurs twice`);
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/**
 * Cuts a stream into stanzas, unparsed, so that of an index of tens of megabytes only what is wanted is ever looked into. Gives
 * all that a piece of input completes at once.
 *
 * @throws archive_malformed for a stanza that is too long
 */
export async function* readStanzas(
  source: AsyncIterable<Uint8Array>,
  url: string,
): AsyncGenerator<Buffer[], void, void> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const data = pending.length === 0 ? asBuffer(chunk) : Buffer.concat([pending, chunk]);
    const complete: Buffer[] = [];
    let start = 0;
    for (;;) {
      while (data[start] === newline) start += 1;
      const end = data.indexOf("\n\n", start);
      if (end === -1) break;
      complete.push(data.subarray(start, end));
      start = end + 2;
    }
    if (complete.length > 0) yield complete;
    pending = data.subarray(start);
    if (pending.length > stanzaLimit) {
      throw malformed(url, `a stanza is longer than ${stanzaLimit} bytes`);
    }
  }
  if (pending.length > 0) yield [pending];
}

/** The value of one single-line field of an unparsed stanza. */
export function fieldOf(stanza: Buffer, name: string): string | undefined {
  const label = `${name}:`;
  let start = 0;
  if (stanza.indexOf(label) !== 0) {
    start = stanza.indexOf(`\n${label}`) + 1;
    if (start === 0) return undefined;
  }
  const end = stanza.indexOf(newline, start);
  return stanza
    .subarray(start + label.length, end === -1 ? stanza.length : end)
    .toString("utf8")
    .trim();
}

function malformed(url: string, problem: string): Error {
  return fault("archive_malformed", { url, problem });
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
