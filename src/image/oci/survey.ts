import type { TarMember } from "../../archive/tar/entry.ts";
import type { Budget, Spending } from "./budget.ts";
import { meaningOf } from "./whiteout.ts";

/** What is in a layer, found out before anything is written. Paths as `Meaning` has them. */
export interface LayerSurvey {
  entries: number;
  directories: number;
  /** Everything but directories, with the bytes of data of its files. */
  leaves: Map<string, number>;
  symlinks: string[];
  /** What hard links point to. */
  linked: string[];
  whiteouts: string[];
  opaques: string[];
  /** What it adds to the image's budget. */
  spent: Spending;
}

const blockSize = 4096;
/** Looking at a path takes time with the square of its depth, and a hostile one may have thousands of parts. */
const maxDepth = 128;

/** Reads a layer through. @throws archive_path_unsafe, image_too_large, and what the source throws */
export async function surveyLayer(members: AsyncIterable<TarMember>, budget: Budget): Promise<LayerSurvey> {
  const survey: LayerSurvey = {
    entries: 0,
    directories: 0,
    leaves: new Map(),
    symlinks: [],
    linked: [],
    whiteouts: [],
    opaques: [],
    spent: { entries: 0, names: 0, bytes: 0 },
  };
  for await (const member of members) {
    const { kind, path } = meaningOf(member.path);
    const more = { entries: 1, names: path.length + (member.link?.length ?? 0), bytes: member.size };
    budget.spend(more);
    addTo(survey.spent, more);
    if (kind === "whiteout") survey.whiteouts.push(path);
    if (kind === "opaque") survey.opaques.push(path);
    if (kind !== "entry") continue;
    survey.entries += 1;
    if (member.type === "directory") survey.directories += 1;
    else await surveyLeaf(survey, member, path);
  }
  return survey;
}

function addTo(sum: Spending, more: Spending): void {
  sum.entries += more.entries;
  sum.names += more.names;
  sum.bytes += more.bytes;
}

async function surveyLeaf(survey: LayerSurvey, member: TarMember, path: string): Promise<void> {
  if (member.type === "symlink") survey.symlinks.push(path);
  if (member.type === "hardlink" && member.link) survey.linked.push(meaningOf(member.link).path);
  let bytes = 0;
  if (member.size > 0) for await (const { data } of member.extents) bytes += data.length;
  survey.leaves.set(path, (survey.leaves.get(path) ?? 0) + Math.ceil(bytes / blockSize) * blockSize);
}

/** What all layers come to. */
export interface ImageSurvey {
  entries: number;
  directories: number;
  /** Bytes of data that will be written, in whole blocks. */
  bytes: number;
  layers: readonly LayerSurvey[];
  /** Whether a file of a layer will certainly not be seen, so that its content need not be written. */
  isHidden: (layer: number, path: string) => boolean;
}

/** @param layers the lowest first */
export function surveyImage(layers: readonly LayerSurvey[]): ImageSurvey {
  const isHidden = hiding(layers);
  let [entries, directories, bytes] = [0, 0, 0];
  for (const [index, layer] of layers.entries()) {
    entries += layer.entries;
    directories += layer.directories;
    for (const [path, size] of layer.leaves) if (size > 0 && !isHidden(index, path)) bytes += size;
  }
  return { entries, directories, bytes, layers, isHidden };
}

/**
 * Goes by the paths alone, and so says nothing of those that may be other names of something: below symbolic links, and of
 * what has hard links.
 */
function hiding(layers: readonly LayerSurvey[]): ImageSurvey["isHidden"] {
  const replaced = new Map<string, number>();
  const emptied = new Map<string, number>();
  for (const [index, { leaves, whiteouts, opaques }] of layers.entries()) {
    for (const path of leaves.keys()) replaced.set(path, index);
    for (const path of whiteouts) replaced.set(path, index);
    for (const path of opaques) emptied.set(path, index);
  }
  const symlinks = new Set(layers.flatMap((layer) => layer.symlinks));
  const linked = new Set(layers.flatMap((layer) => layer.linked));
  /** The directories of a path that means what it says. */
  const plainFolders = (path: string): string[] | undefined => {
    const folders = foldersOf(path);
    return folders?.some((folder) => symlinks.has(folder)) ? undefined : folders;
  };
  if ([...linked].some((path) => !plainFolders(path))) return () => false;
  return (layer, path) => {
    const folders = linked.has(path) ? undefined : plainFolders(path);
    if (!folders) return false;
    const isLater = (index = -1): boolean => index > layer;
    if (isLater(replaced.get(path)) || isLater(emptied.get(""))) return true;
    return folders.some((folder) => isLater(replaced.get(folder)) || isLater(emptied.get(folder)));
  };
}

/**
 * Whether hard links of a layer point to a path or below it, where the layer has nothing of its own: to what a lower one has.
 */
export function linkedBy(layer: LayerSurvey | undefined): (path: string) => boolean {
  if (!layer || layer.linked.length === 0) return () => false;
  const linked = new Set(layer.linked.flatMap(withFolders));
  const own = new Set([...layer.leaves.keys()].flatMap(withFolders));
  return (path) => linked.has(path) && !own.has(path);
}

function withFolders(path: string): string[] {
  return [path, ...(foldersOf(path) ?? [])];
}

/** The directories that a path goes through, the root not counted; undefined for one too deep to be of use. */
function foldersOf(path: string): string[] | undefined {
  const folders: string[] = [];
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    folders.push(path.slice(0, at));
    if (folders.length > maxDepth) return undefined;
  }
  return folders;
}
