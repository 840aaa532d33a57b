import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { Budget, type ImageLimits, usualLimits } from "../../../../src/image/oci/budget.ts";
import { flatten } from "../../../../src/image/oci/flatten.ts";
import { LayerStore, type WantedLayer } from "../../../../src/image/oci/layer-store.ts";
import { detachedContext } from "../../../../src/lib/context.ts";
import { checkImage } from "../../ext4/support/image.ts";
import { type Found, ImageReader } from "../../ext4/support/reader.ts";

/** What an unpacked image has at a path, as text for comparison. Directories have no size, and hard links say where the first is. */
export type Listing = Record<string, string>;

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

/** The same of a directory on the host. */
export function listingOfDirectory(root: string): Listing {
  const first = new Map<number, string>();
  const listing: Listing = {};
  const visit = (folder: string): void => {
    for (const name of readdirSync(Buffer.from(join(root, folder), "latin1"), "latin1").toSorted()) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const host = Buffer.from(join(root, path), "latin1");
      const status = lstatSync(host);
      if (status.isDirectory()) {
        listing[path] = `directory ${(status.mode & 0o7777).toString(8)} ${status.uid} ${status.gid}`;
        visit(path);
        continue;
      }
      const original = first.get(status.ino);
      first.set(status.ino, original ?? path);
      listing[path] = original === undefined ? leafOf(host, status) : `link to ${original}`;
    }
  };
  visit("");
  return Object.fromEntries(Object.entries(relinked(listing)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function leafOf(host: Buffer, status: ReturnType<typeof lstatSync> & object): string {
  const owner = `${status.uid} ${status.gid}`;
  if (status.isSymbolicLink()) return `symlink ${owner} ${readlinkSync(host, "latin1" as BufferEncoding)}`;
  const type = status.isFile() ? "file" : status.isFIFO() ? "fifo" : "other";
  const content = type === "file" ? ` ${readFileSync(host, "latin1")}` : "";
  return `${type} ${(Number(status.mode) & 0o7777).toString(8)} ${owner}${content}`;
}

/** Walking a tree meets the names of a file in another order than sorting all paths. */
function relinked(listing: Listing): Listing {
  const groups = new Map<string, string[]>();
  for (const [path, text] of Object.entries(listing)) {
    const target = /^link to (.*)$/s.exec(text)?.[1];
    if (target !== undefined) groups.set(target, [...(groups.get(target) ?? [target]), path]);
  }
  const result = { ...listing };
  for (const [target, paths] of groups) {
    const [head = target, ...others] = paths.toSorted();
    result[head] = listing[target] ?? "";
    for (const other of others) result[other] = `link to ${head}`;
  }
  return result;
}

/** Unpacks an image of a layout with umoci, as root. */
export function umociUnpack(layout: string, tag: string, bundle: string): void {
  const { status, stderr } = spawnSync("umoci", ["unpack", "--image", `${layout}:${tag}`, bundle], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}
