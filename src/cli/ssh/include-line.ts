/** The line of ssh_config(5) that reads another file. */
export function includeLine(path: string): string {
  return /^[\w./@+:-]+$/.test(path) ? `Include ${path}` : `Include "${path}"`;
}

/**
 * A configuration with the line as its first one: further down it could stand inside a Host block and hold for that only. One that
 * has it before any block stays as it is.
 */
export function withLine(content: Buffer, line: string): Buffer {
  if (holdsForAll(content, line)) return content;
  return Buffer.concat([Buffer.from(`${line}\n`), withoutLine(content, line)]);
}

/** The same without the line, wherever and however often it stands; every other byte is as it was. */
export function withoutLine(content: Buffer, line: string): Buffer {
  return Buffer.concat(linesOf(content).filter((each) => !is(each, line)));
}

function holdsForAll(content: Buffer, line: string): boolean {
  const lines = linesOf(content);
  const block = lines.findIndex((each) => /^\s*(?:host|match)[\s=]/i.test(each.toString("latin1")));
  const at = lines.findIndex((each) => is(each, line));
  return at !== -1 && (block === -1 || at < block);
}

function is(each: Buffer, line: string): boolean {
  return each.toString().trim() === line;
}

/** With their ends. */
function linesOf(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < content.length; ) {
    const end = content.indexOf("\n", from);
    const to = end === -1 ? content.length : end + 1;
    lines.push(content.subarray(from, to));
    from = to;
  }
  return lines;
}
