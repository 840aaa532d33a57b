import type { World } from "../world.ts";

/** ECMA-48 and xterm's private modes. */
const codes = {
  enter: "\x1b[?1049h\x1b[?25l",
  leave: "\x1b[?25h\x1b[?1049l",
  home: "\x1b[H",
  eraseLine: "\x1b[K",
  eraseBelow: "\x1b[J",
};
const ctrlC = "\u0003";

export interface Picture {
  /** Lines for a terminal of this size; those that do not fit are left out. */
  draw(columns: number, rows: number): string[];
  /** A key was pressed; false ends it. */
  press(key: string): boolean;
}

/**
 * Shows a picture on the whole terminal, again at each `refresh`, key and change of size, until a key or a signal ends it. The terminal is as
 * before on every way out.
 */
export async function liveScreen(
  { stdin, stdout, interrupts }: World,
  picture: Picture,
  refresh: (signal: AbortSignal, redraw: () => void) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const redraw = (): void => {
    const { columns = 80, rows = 24 } = stdout;
    const lines = picture.draw(columns || 80, rows || 24).slice(0, rows || 24);
    stdout.write(
      `${codes.home}${lines.map((line) => `${line}${codes.eraseLine}`).join("\r\n")}${codes.eraseBelow}`,
    );
  };
  const onKeys = (keys: Buffer | string): void => {
    const typed = String(keys);
    // Arrows and the like: letters in them are none.
    if (typed.startsWith("\x1b")) return;
    const ended = [...typed].some((key) => key === ctrlC || !picture.press(key));
    if (ended) end();
    else redraw();
  };
  const keyboard = stdin.isTTY === true;
  stdout.write(codes.enter);
  stdout.on("resize", redraw);
  if (keyboard) {
    stdin.setRawMode?.(true);
    stdin.on("data", onKeys);
    stdin.resume();
  }
  try {
    await interrupts.during(end, () => refresh(over.signal, redraw));
  } finally {
    if (keyboard) {
      stdin.off("data", onKeys);
      stdin.setRawMode?.(false);
      stdin.pause();
    }
    stdout.off("resize", redraw);
    stdout.write(codes.leave);
  }
}
