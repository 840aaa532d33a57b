import { fault } from "../../lib/errors/error.ts";
import { formatSize } from "../../lib/size.ts";

/** What an image may make this host go through. */
export interface ImageLimits {
  /** Files, directories and so on of all layers. */
  entries: number;
  /** Bytes of all paths, which are held in memory. */
  names: number;
  /** Bytes of all files with their holes, and of each layer's archive. */
  bytes: number;
  /** Bytes of a layer's archive for each of its blob, once it has more than `plausible` bytes. */
  ratio: number;
  plausible: number;
}

/** Deflate cannot do better than 1032:1; a disk image full of zeros comes near, a system does not. */
export const usualLimits: ImageLimits = {
  entries: 4_000_000,
  names: 256 * 2 ** 20,
  bytes: 2 ** 38,
  ratio: 200,
  plausible: 2 ** 30,
};

export type Spending = Pick<ImageLimits, "entries" | "names" | "bytes">;

/** Adds up what the layers of an image bring, whichever is read first. */
export class Budget {
  readonly #reference: string;
  readonly #limits: ImageLimits;
  #entries = 0;
  #names = 0;
  #bytes = 0;

  constructor(reference: string, limits: ImageLimits) {
    this.#reference = reference;
    this.#limits = limits;
  }

  /** @throws image_too_large */
  spend(more: Spending): void {
    const { entries, names, bytes } = this.#limits;
    this.#entries += more.entries;
    this.#names += more.names;
    this.#bytes += more.bytes;
    if (this.#entries > entries) throw this.#over("a number of files", `${entries}`);
    if (this.#names > names) throw this.#over("names", formatSize(names));
    if (this.#bytes > bytes) throw this.#over("content", formatSize(bytes));
  }

  #over(what: string, limit: string): Error {
    return fault("image_too_large", { reference: this.#reference, what, limit });
  }
}
