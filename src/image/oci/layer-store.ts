import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import type { Context } from "../../lib/context.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import { hashHandle } from "../../lib/hash-file.ts";
import { type Lock, tryLock, waitForLock } from "../../lib/lock.ts";
import { Layer, readArchive } from "./layer.ts";
import { type LayerSurvey, surveyLayer } from "./survey.ts";
import { type LayerTerms, unpackLayer } from "./unpack.ts";

/** A layer of an image, wherever it is. */
export interface WantedLayer {
  /** Digest of its archive. */
  diffId: string;
  /** Bytes of its blob. */
  size: number;
  /** Fetches the blob, unless it is here, and gives its path. */
  fetch(context: Context): Promise<string>;
}

/** A file that this process has checked, as long as it stays as it was; the kernel sets the time of change, nobody else can. */
interface Checked {
  inode: bigint;
  size: bigint;
  changed: bigint;
  survey: LayerSurvey;
}

const stagingSuffix = ".unpacking";
/** Paths of the surveys that are remembered, which take about 150 bytes each. */
const rememberedPaths = 60_000;

/**
 * The layers of images as plain archives, each named by its digest, in the directory of the blobs. A compressed blob is
 * unpacked once, and then not kept: whatever image has the layer needs neither to be fetched nor to be decompressed.
 */
export class LayerStore {
  readonly #directory: string;
  /** The one that was used last comes last. */
  readonly #checked = new Map<string, Checked>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * @throws registry_bad_digest, image_too_large, archive_*, no_space, directory_not_writable, interrupted, and what fetching the
   *   blob throws
   */
  async open(wanted: WantedLayer, terms: LayerTerms, context: Context): Promise<Layer> {
    const present = await this.#find(wanted.diffId, terms, context.signal);
    if (present) return present;
    const blob = await wanted.fetch(context);
    using _lock = await this.#lock(hexOf(wanted.diffId), context.signal);
    // It may be there by now: another one has unpacked it, or the blob is not compressed.
    const found = await this.#find(wanted.diffId, terms, context.signal);
    return found ?? (await this.#unpack(blob, wanted, terms, context.signal));
  }

  /** Removes what dead processes have unpacked by half. */
  async removeLeftovers(): Promise<void> {
    for (const name of await this.#names()) {
      if (!name.endsWith(stagingSuffix)) continue;
      using lock = tryLock(this.#lockFile(name));
      if (lock) await rm(join(this.#directory, name), { force: true });
    }
  }

  async #find(diffId: string, terms: LayerTerms, signal: AbortSignal): Promise<Layer | undefined> {
    const path = join(this.#directory, hexOf(diffId));
    const file = await openIfThere(path);
    if (!file) return undefined;
    try {
      const survey = await this.#check(path, file, diffId, terms, signal);
      if (survey) return new Layer(path, file, terms.limits, survey);
      await rm(path, { force: true });
    } catch (error) {
      await file.close();
      throw diskFault(error, path, "reading a layer");
    }
    await file.close();
    return undefined;
  }

  /** @returns undefined for a file that is not what its name says */
  async #check(
    path: string,
    file: FileHandle,
    diffId: string,
    terms: LayerTerms,
    signal: AbortSignal,
  ): Promise<LayerSurvey | undefined> {
    const { ino, size, ctimeNs } = await file.stat({ bigint: true });
    const known = this.#checked.get(diffId);
    if (known?.inode === ino && known.size === size && known.changed === ctimeNs) {
      terms.budget.spend(known.survey.spent);
      await this.#remember(diffId, file, known.survey);
      return known.survey;
    }
    if (`sha256:${(await hashHandle(file, signal)).hash.digest("hex")}` !== diffId) return undefined;
    const survey = await surveyLayer(readArchive(file, path, terms.limits, signal), terms.budget);
    await this.#remember(diffId, file, survey);
    return survey;
  }

  async #unpack(
    blob: string,
    { diffId, size }: WantedLayer,
    terms: LayerTerms,
    signal: AbortSignal,
  ): Promise<Layer> {
    const path = join(this.#directory, hexOf(diffId));
    const staged = path + stagingSuffix;
    let file: FileHandle | undefined;
    try {
      await rm(staged, { force: true });
      file = await open(staged, "wx+", 0o600);
      const survey = await unpackLayer({ path: blob, size, diffId }, file, terms, signal);
      // First, because nobody would look for it when this process ends in between.
      await rm(blob, { force: true });
      // Not flushed: what a power cut damages is found out, as the next process checks before it uses.
      await rename(staged, path);
      await this.#remember(diffId, file, survey);
      return new Layer(path, file, terms.limits, survey);
    } catch (error) {
      await file?.close();
      await rm(staged, { force: true });
      throw diskFault(error, path, "unpacking a layer");
    }
  }

  async #remember(diffId: string, file: FileHandle, survey: LayerSurvey): Promise<void> {
    const { ino, size, ctimeNs } = await file.stat({ bigint: true });
    this.#checked.delete(diffId);
    this.#checked.set(diffId, { inode: ino, size, changed: ctimeNs, survey });
    let paths = [...this.#checked.values()].reduce((sum, checked) => sum + checked.survey.entries, 0);
    for (const [oldest, checked] of this.#checked) {
      if (paths <= rememberedPaths) break;
      this.#checked.delete(oldest);
      paths -= checked.survey.entries;
    }
  }

  async #lock(name: string, signal: AbortSignal): Promise<Lock> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskFault(error, this.#directory, "making the cache of layers");
    }
    return await waitForLock(this.#lockFile(name), signal);
  }

  /** One of sixteen: a lock may not be deleted, and a file for every layer there ever was would pile up. */
  #lockFile(name: string): string {
    return join(
      this.#directory,
      `.unpack-${createHash("sha256").update(name.slice(0, 64)).digest("hex").charAt(0)}`,
    );
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#directory);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw diskFault(error, this.#directory, "cleaning the cache of layers");
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskFault(error, path, "reading a layer");
  }
}

function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}
