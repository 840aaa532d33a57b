import { StringDecoder } from "node:string_decoder";
import type { Style } from "./style.ts";
import { pad, printable } from "./width.ts";

/** Names of pino's levels. */
const levels: Record<number, string> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** Turns the daemon's JSON lines into lines for people, however the bytes are cut. Lines that are not JSON stay as they are. */
export class LogFormat {
  readonly #style: Style;
  readonly #decoder = new StringDecoder("utf8");
  #pending = "";

  constructor(style: Style) {
    this.#style = style;
  }

  push(bytes: Buffer): string {
    const lines = (this.#pending + this.#decoder.write(bytes)).split("\n");
    this.#pending = lines.pop() ?? "";
    return lines.map((line) => `${this.#line(line)}\n`).join("");
  }

  #line(line: string): string {
    const entry = parse(line);
    if (!entry) return printable(line);
    const { time, level, msg, pid: _, ...rest } = entry;
    const name = levels[Number(level)] ?? String(level ?? "");
    const paint = { warn: this.#style.yellow, error: this.#style.red, fatal: this.#style.red }[name];
    const fields = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const head = [
      ...(time === undefined ? [] : [this.#style.dim(printable(String(time)))]),
      (paint ?? ((text: string) => text))(pad(name, 5)),
      printable(String(msg ?? "")),
    ];
    const tail = fields.length === 0 ? "" : ` ${this.#style.dim(printable(fields.join(" ")))}`;
    return head.join(" ") + tail;
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
