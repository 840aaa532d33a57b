import type { TarMember } from "../../archive/tar/entry.ts";
import type { Context } from "../../lib/context.ts";
import type { Ext4Writer } from "../ext4/writer.ts";
import { openRootfs, reportInterval, reportWritten } from "../rootfs.ts";
import { findInit } from "./init.ts";
import type { Layer } from "./layer.ts";
import { sizesFor } from "./size.ts";
import { type ImageSurvey, type LayerSurvey, linkedBy, surveyImage } from "./survey.ts";
import { meaningOf } from "./whiteout.ts";

export interface FlattenOptions {
  /** The file to make. */
  path: string;
  /** Digest of the manifest. The same image always gives the same bytes. */
  digest: string;
  /** Bytes of the file system. Default: the content and an eighth, and some more. */
  size?: number;
}

export interface Flattened {
  /** Of the file, in lower-case hex. */
  sha256: string | undefined;
  /** Program that becomes PID 1, when the image has one. */
  init: string | undefined;
  /** `ID` of os-release. */
  distro: string | undefined;
}

const osRelease = new Set(["etc/os-release", "usr/lib/os-release"]);
const osReleaseLimit = 64 * 1024;

/**
 * Writes the layers, one over the other, as a root file system: what unpacking them as root in their order gives. Of what a
 * higher layer hides, only names are written, so nothing of it is left in the image.
 *
 * @param layers the lowest first
 * @throws root_filesystem_invalid, archive_path_unsafe, archive_*, no_space, directory_not_writable, interrupted
 */
export async function flatten(
  layers: readonly Layer[],
  options: FlattenOptions,
  context: Context,
): Promise<Flattened> {
  const { path, digest, size } = options;
  const survey = surveyImage(layers.map((layer) => layer.survey));
  const sizes = sizesFor(survey, size);
  await using rootfs = await openRootfs({ path, ...sizes, identity: digest, time: 0 }, context.signal);
  const writing = new Writing(rootfs, survey, context);
  for (const [index, layer] of layers.entries()) {
    await writing.hide(index);
    for await (const member of layer.read(context.signal)) {
      await writing.add(index, member);
    }
    await writing.hideLinked(index);
  }
  const init = findInit((at) => rootfs.find(Buffer.from(at)));
  const { sha256 } = await rootfs.finish();
  return { sha256, init, distro: writing.distro };
}

class Writing {
  distro: string | undefined;
  readonly #rootfs: Ext4Writer;
  readonly #survey: ImageSurvey;
  readonly #context: Context;
  #written = 0;
  #reported = 0;

  constructor(rootfs: Ext4Writer, survey: ImageSurvey, context: Context) {
    this.#rootfs = rootfs;
    this.#survey = survey;
    this.#context = context;
  }

  /** Wherever its whiteouts stand, they are for what lies below a layer. */
  async hide(index: number): Promise<void> {
    const layer = this.#survey.layers[index];
    for (const path of layer?.opaques ?? []) await this.#rootfs.empty(Buffer.from(path, "latin1"));
    await this.#hideWhere(layer, (isLinked) => !isLinked);
  }

  /** What a layer gives another name before it takes the old one away is hidden when the layer is there. */
  async hideLinked(index: number): Promise<void> {
    await this.#hideWhere(this.#survey.layers[index], (isLinked) => isLinked);
  }

  async #hideWhere(layer: LayerSurvey | undefined, wanted: (isLinked: boolean) => boolean): Promise<void> {
    if (!layer || layer.whiteouts.length === 0) return;
    const isLinked = linkedBy(layer);
    for (const path of layer.whiteouts) if (wanted(isLinked(path))) await this.#remove(path);
  }

  async #remove(path: string): Promise<void> {
    await this.#rootfs.remove(Buffer.from(path, "latin1"));
  }

  async add(index: number, member: TarMember): Promise<void> {
    const { kind, path } = meaningOf(member.path);
    if (kind !== "entry") return;
    if (member.type === "file" && this.#survey.isHidden(index, path)) {
      return await this.#rootfs.add({ ...member, size: 0 });
    }
    if (member.type === "file" && osRelease.has(path) && member.size <= osReleaseLimit) {
      return await this.#addOsRelease(member);
    }
    await this.#rootfs.add(member, member.extents);
    this.#written += member.size;
    if (this.#written - this.#reported < reportInterval) return;
    this.#reported = this.#written;
    reportWritten(this.#context, this.#written);
  }

  async #addOsRelease(member: TarMember): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of member.content) pieces.push(Buffer.from(piece));
    const content = Buffer.concat(pieces);
    await this.#rootfs.add(member, once({ offset: 0, data: content }));
    this.distro = /^ID=["']?([a-z0-9._-]{1,64})["']?$/m.exec(content.toString("utf8"))?.[1] ?? this.distro;
  }
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}
