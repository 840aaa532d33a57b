import type { FileHandle } from "node:fs/promises";
import type { TarMember } from "../../archive/tar/entry.ts";
import { readTar, type TarReadOptions } from "../../archive/tar/read.ts";
import { diskFault } from "../../lib/atomic.ts";
import { fault } from "../../lib/errors/error.ts";
import { readAhead } from "../../lib/read-ahead.ts";
import type { ImageLimits } from "./budget.ts";
import type { LayerSurvey } from "./survey.ts";

/** The archive of a layer on this host, which has the digest that the image's configuration gives for it. */
export class Layer implements AsyncDisposable {
  readonly survey: LayerSurvey;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #limits: ImageLimits;

  /** @param file stays open, so that the cache may lose the archive while it is needed */
  constructor(path: string, file: FileHandle, limits: ImageLimits, survey: LayerSurvey) {
    this.#path = path;
    this.#file = file;
    this.#limits = limits;
    this.survey = survey;
  }

  /** The entries. Content is valid until more of it is asked for. @throws archive_*, interrupted */
  async *read(signal: AbortSignal): AsyncGenerator<TarMember, void, void> {
    yield* readArchive(this.#file, this.#path, this.#limits, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** The entries of an open archive, from its beginning. */
export async function* readArchive(
  file: FileHandle,
  path: string,
  limits: ImageLimits,
  signal: AbortSignal,
): AsyncGenerator<TarMember, void, void> {
  try {
    yield* readTar(readAhead(file, "reading a layer", signal), tarOptions(limits));
  } catch (error) {
    if (signal.aborted) throw fault("interrupted", { what: "reading a layer" }, error);
    throw diskFault(error, path, "reading a layer");
  }
}

/** Without an end marker nothing is missing either: the digest says so. */
export function tarOptions({ entries, bytes }: ImageLimits): TarReadOptions {
  return { limits: { entries, contentBytes: bytes }, requireEnd: false };
}
