/** A document of Firecracker's description as values; numbers and booleans stay text. */
export type Yaml = string | Yaml[] | { [key: string]: Yaml };

interface Line {
  indent: number;
  text: string;
}

/**
 * Reads as much of YAML as Firecracker's description uses: mappings and lists by indentation, lists in brackets, quoted text, and plain
 * text that goes on over lines.
 */
export function readYaml(source: string): Yaml {
  const lines = source.split("\n").flatMap((line): Line[] => {
    const text = line.trimEnd();
    if (text.trim() === "" || text.trimStart().startsWith("#")) return [];
    return [{ indent: text.length - text.trimStart().length, text: text.trimStart() }];
  });
  return block(lines);
}

/** All lines of one value, none of them indented less than the first. */
function block(lines: Line[]): Yaml {
  const head = lines[0];
  if (!head) return "";
  if (head.text.startsWith("- ")) return items(lines, head.indent).map(item);
  if (!keyed.test(head.text)) return lines.map(({ text }) => text).join(" ");
  return Object.fromEntries(items(lines, head.indent, keyed).map(entry));
}

const keyed = /^("?)([^\s"-][^\s"]*)\1:(?:\s+(.*))?$/;

/** Lines in groups, each with a line that begins it. A list may stand as far left as the key that it belongs to. */
function items(lines: Line[], indent: number, begins: RegExp = /^- /): Line[][] {
  const groups: Line[][] = [];
  for (const line of lines) {
    if (line.indent === indent && begins.test(line.text)) groups.push([line]);
    else groups.at(-1)?.push(line);
  }
  return groups;
}

function item([head, ...rest]: Line[]): Yaml {
  if (!head) return "";
  return block([{ indent: head.indent + 2, text: head.text.slice(2) }, ...rest]);
}

function entry([head, ...rest]: Line[]): [string, Yaml] {
  const [, , key = "", value = ""] = keyed.exec(head?.text ?? "") ?? [];
  if (value === "" || value === ">-") return [key, block(rest)];
  if (value.startsWith("[")) return [key, value.slice(1, -1).split(",").map(word)];
  const whole = [value, ...rest.map(({ text }) => text)].join(" ");
  return [key, word(whole)];
}

function word(text: string): string {
  return text.trim().replace(/^"(.*)"$/, "$1");
}
