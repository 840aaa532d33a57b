import type { OutputStream } from "../world.ts";

export type Paint = (text: string) => string;

export interface Style {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
  yellow: Paint;
  cyan: Paint;
}

/** SGR parameters that begin and end an attribute (ECMA-48, 8.3.117). */
const codes: Record<keyof Style, [begin: number, end: number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Colours for a stream: only on a terminal that can, and never with NO_COLOR (https://no-color.org). */
export function styleFor(stream: OutputStream, env: NodeJS.ProcessEnv): Style {
  const coloured = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const paint = ([begin, end]: [number, number]): Paint =>
    coloured ? (text) => (text === "" ? "" : `\x1b[${begin}m${text}\x1b[${end}m`) : (text) => text;
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    cyan: paint(codes.cyan),
  };
}
