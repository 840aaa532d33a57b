import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Budget, type ImageLimits, usualLimits } from "../../../../src/image/oci/budget.ts";
import { flatten } from "../../../../src/image/oci/flatten.ts";
import { LayerStore, type WantedLayer } from "../../../../src/image/oci/layer-store.ts";
import { detachedContext } from "../../../../src/lib/context.ts";
import { checkImage } from "../../ext4/support/image.ts";
import { type Found, ImageReader } from "../../ext4/support/reader.ts";
import type { MadeImage } from "./image.ts";

/** What an unpacked image has at a path, as text for comparison. Directories have no size, and hard links say where the first is. */
export type Listing = Record<string, string>;

/** The layers of an image as files, as after a pull. */
export function wantedLayers(
  directory: string,
  { layers, config }: MadeImage,
): (WantedLayer & { path: string })[] {
  const { rootfs } = JSON.parse(config.bytes.toString()) as { rootfs: { diff_ids: string[] } };
  return layers.map(({ bytes, size, digest }, index) => {
    const path = join(directory, `${index}-${digest.slice(7, 19)}`);
    writeFileSync(path, bytes);
    return { path, size, diffId: rootfs.diff_ids[index] ?? "", fetch: async () => path };
  });
}

/** Flattens layers with what is under test. @returns what e2fsck calls clean */
export async function flattened(
  layers: WantedLayer[],
  path: string,
  limits: ImageLimits = usualLimits,
): Promise<{ init: string | undefined; distro: string | undefined; reader: ImageReader }> {
  const context = detachedContext();
  const terms = { reference: "it", limits, budget: new Budget("it", limits) };
  const store = new LayerStore(join(dirname(path), "layers"));
  await using opened = new AsyncDisposableStack();
  const open = [];
  for (const layer of layers) open.push(opened.use(await store.open(layer, terms, context)));
  const found = await flatten(open, { path, digest: "sha256:0" }, context);
  checkImage(path);
  return { ...found, reader: new ImageReader(path) };
}

export function listingOfImage(reader: ImageReader): Listing {
  const first = new Map<number, string>();
  const listing: Listing = {};
  for (const [path, found] of [...reader.list()].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (path === "" || path === "lost+found") continue;
    const original = first.get(found.inode);
    first.set(found.inode, original ?? path);
    listing[path] = original === undefined ? describe(found) : `link to ${original}`;
  }
  return listing;
}

function describe({ type, mode, uid, gid, content, target, xattrs }: Found): string {
  const parts = [type, mode.toString(8), uid, gid];
  if (type === "file") parts.push(content?.toString("latin1") ?? "");
  if (type === "symlink") return `symlink ${uid} ${gid} ${target}`;
  const named = [...xattrs].toSorted().map(([name, value]) => `${name}=${value.toString("latin1")}`);
  return [...parts, ...named].join(" ");
}

/** Unpacks an image of a layout with umoci, as root. */
export function umociUnpack(layout: string, tag: string, bundle: string): void {
  const { status, stderr } = spawnSync("umoci", ["unpack", "--image", `${layout}:${tag}`, bundle], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}
