import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { diskFault, writeFileAtomic } from "../../lib/atomic.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import type { Published } from "./fetch.ts";

/** One file holds document and signature, so that they are always of one time. */
const copySchema = z.object({ fetched: z.iso.datetime(), document: z.base64(), signature: z.base64() });

export interface Copy extends Published {
  /** When it was fetched, in ISO 8601. */
  fetched: string;
}

/** The last published state of each catalog, kept for when nobody answers. What is in it is checked at every use. */
export class CatalogCopies {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Undefined when there is none, or none that can be read: it is fetched then. */
  async load(url: string): Promise<Copy | undefined> {
    try {
      const { fetched, document, signature } = copySchema.parse(
        JSON.parse(await readFile(this.#pathOf(url), "utf8")),
      );
      return {
        fetched,
        document: Buffer.from(document, "base64"),
        signature: Buffer.from(signature, "base64"),
      };
    } catch (error) {
      if (error instanceof z.ZodError || error instanceof SyntaxError || errnoOf(error) !== undefined)
        return undefined;
      throw error;
    }
  }

  /** @throws no_space, directory_not_writable */
  async save(url: string, { fetched, document, signature }: Copy): Promise<void> {
    const path = this.#pathOf(url);
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskFault(error, path, "keeping a catalog");
    }
    const text = { fetched, document: document.toString("base64"), signature: signature.toString("base64") };
    await writeFileAtomic(path, `${JSON.stringify(text)}\n`);
  }

  #pathOf(url: string): string {
    return join(this.#directory, `${createHash("sha256").update(url).digest("hex").slice(0, 32)}.json`);
  }
}
