import { readFileSync } from "node:fs";

/** What a byte that is not UTF-8 becomes in `process.argv`. */
const replacement = "\uFFFD";

/**
 * The bytes of the last words of this process's command line. Node decodes `process.argv` as UTF-8 and loses what is not;
 * proc(5) has the words as they were given, each ended by NUL.
 */
export function exactTail(words: readonly string[], commandLine = readCommandLine): Buffer[] {
  if (!words.some((word) => word.includes(replacement))) return words.map((word) => Buffer.from(word));
  const all = split(commandLine());
  const tail = all.slice(all.length - words.length);
  const isOurs = tail.length === words.length && tail.every((word, i) => word.toString() === words[i]);
  return isOurs ? tail : words.map((word) => Buffer.from(word));
}

function readCommandLine(): Buffer {
  return readFileSync("/proc/self/cmdline");
}

function split(bytes: Buffer): Buffer[] {
  const words: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0, from);
    const to = end === -1 ? bytes.length : end;
    words.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return words;
}
