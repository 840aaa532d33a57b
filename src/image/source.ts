import type { Context } from "../lib/context.ts";
import type { ImageCatalogEntry } from "../model/image.ts";

/** What a source of images gives besides the file. */
export interface BuiltRootfs {
  /** Program that becomes PID 1; absent when the image has none. */
  init?: string;
  /** What exactly it came from, for people. */
  detail: string;
  /** Of the file in lower-case hex, if its maker knows it already. */
  sha256?: string;
}

/** A way to come by the root file system of a catalog entry. */
export interface RootfsSource<Kind extends ImageCatalogEntry["sources"][number]["kind"]> {
  /** Ends and removes what an earlier process has left unfinished. */
  removeLeftovers(): Promise<void>;
  /**
   * Writes an ext4 file system to `path`, which does not exist. What it leaves there when it fails is removed by the caller;
   * what it leaves elsewhere is its own business.
   */
  build(
    name: string,
    source: Extract<ImageCatalogEntry["sources"][number], { kind: Kind }>,
    path: string,
    context: Context,
  ): Promise<BuiltRootfs>;
}
