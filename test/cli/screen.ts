/** What a terminal would show: as much of ECMA-48 as the program uses, and nothing else. */
export class Screen {
  readonly #columns: number;
  #lines: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** @throws when something is written that it does not know */
  write(text: string): this {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    for (const [piece] of text.matchAll(/\x1b\[([0-9;]*)([A-Za-z])|\n|\r|[^\x00-\x1f]|[\s\S]/gu))
      this.#act(piece);
    return this;
  }

  /** The lines without what is empty at the end. */
  get text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join("\n")
      .trimEnd();
  }

  #act(piece: string): void {
    if (piece === "\n") this.#down();
    else if (piece === "\r") this.#column = 0;
    else if (piece.startsWith("\x1b[")) this.#control(piece);
    else if (piece < " ") throw new Error(`control character ${JSON.stringify(piece)}`);
    else this.#put(piece);
  }

  #control(piece: string): void {
    const count = Number(piece.slice(2, -1) || "1");
    const final = piece.at(-1);
    if (final === "m") return;
    if (final === "A") this.#row = Math.max(0, this.#row - count);
    else if (final === "J") {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row] = (this.#lines[this.#row] ?? "").slice(0, this.#column);
    } else throw new Error(`unknown sequence ${JSON.stringify(piece)}`);
  }

  /** As a terminal in its usual mode: a line feed also returns. */
  #down(): void {
    this.#row += 1;
    this.#column = 0;
    this.#lines[this.#row] ??= "";
  }

  #put(character: string): void {
    if (this.#column === this.#columns) this.#down();
    const line = [...(this.#lines[this.#row] ?? "").padEnd(this.#column)];
    line[this.#column] = character;
    this.#lines[this.#row] = line.join("");
    this.#column += 1;
  }
}
