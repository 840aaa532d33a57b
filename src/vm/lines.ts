import type { Readable } from "node:stream";

/** Characters after which a line goes on as another one. */
const longest = 1000;

/** Hands a stream of UTF-8 on by lines; of one that was written over with carriage returns, its last state. */
export async function splitLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  const take = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) give(line, onLine);
    for (; rest.length > longest; rest = rest.slice(longest)) onLine(rest.slice(0, longest));
  };
  for await (const chunk of stream) take(decoder.decode(chunk as Buffer, { stream: true }));
  take(decoder.decode());
  if (rest !== "") give(rest, onLine);
}

function give(line: string, onLine: (line: string) => void): void {
  const shown = line.replace(/\r+$/, "").replace(/^.*\r/s, "");
  for (let at = 0; at === 0 || at < shown.length; at += longest) onLine(shown.slice(at, at + longest));
}
