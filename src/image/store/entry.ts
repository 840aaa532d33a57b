import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { type BangerError, errnoOf, fault, messageOf } from "../../lib/errors/error.ts";
import { type Image, type ImageManifest, imageManifestSchema } from "../../model/image.ts";

export const manifestFile = "manifest.json";
export const rootfsFile = "rootfs.ext4";
/** The name again, as plain text: a damaged manifest shall not make its image look as if it did not exist. */
export const nameFile = "name";

/** A directory of the store, as far as it can be read. */
export interface Entry {
  id: string;
  path: string;
  /** Undefined when nothing tells it. */
  name: string | undefined;
  /** Bytes occupied on the host. */
  used: number;
  content:
    | { state: "good"; manifest: ImageManifest }
    | { state: "broken"; readable: Partial<ImageManifest>; problem: string; cause: unknown };
}

interface Broken {
  problem: string;
  cause?: unknown;
}

/**
 * Looks at an entry without reading its disk. What is wrong with it is part of the answer.
 *
 * @returns undefined when it has been deleted meanwhile
 */
export async function readEntry(directory: string, id: string): Promise<Entry | undefined> {
  const path = join(directory, id);
  const label = await readName(path);
  const { data, broken } = await readManifest(path);
  const name = label ?? textOf(data, "name");
  const entry = { id, path, name, used: await bytesUsed(path) };
  const found = broken ?? (await findProblem(data, { id, path, name }));
  if (!found) {
    const manifest = imageManifestSchema.parse(data);
    return { ...entry, content: { state: "good", manifest: { ...manifest, name: name ?? manifest.name } } };
  }
  if (!existsSync(path)) return undefined;
  const { problem, cause } = found;
  return { ...entry, content: { state: "broken", readable: readablePart(data), problem, cause } };
}

/** Where the disk of an image is: in its directory, unless it is a file of the user's own. */
export function rootfsPath(directory: string, { rootfs }: ImageManifest): string {
  return rootfs.path ?? join(directory, rootfsFile);
}

/** As the API shows it. */
export function imageOf({ id, name, used, content }: Entry): Image {
  if (content.state === "good") return { ...content.manifest, used };
  return { ...content.readable, id, name: name ?? id, used, problem: content.problem };
}

/** The error of using a broken entry. */
export function brokenFault(entry: Entry, { problem, cause }: Broken): BangerError {
  return fault("image_broken", { name: entry.name ?? entry.id, path: entry.path, problem }, cause);
}

async function readName(path: string): Promise<string | undefined> {
  try {
    return (await readFile(join(path, nameFile), "utf8")).trim() || undefined;
  } catch {
    // The manifest has it, too; and if that cannot be read either, it says why.
    return undefined;
  }
}

async function readManifest(path: string): Promise<{ data?: unknown; broken?: Broken }> {
  let text: string;
  try {
    text = await readFile(join(path, manifestFile), "utf8");
  } catch (cause) {
    const isMissing = errnoOf(cause) === "ENOENT";
    const problem = isMissing
      ? `it has no ${manifestFile}`
      : `its ${manifestFile} cannot be read (${errnoOf(cause)})`;
    return { broken: { problem, cause } };
  }
  try {
    return { data: JSON.parse(text) as unknown };
  } catch (cause) {
    return { broken: { problem: `its ${manifestFile} is not JSON: ${messageOf(cause)}`, cause } };
  }
}

/** What is wrong with an entry whose manifest is JSON. */
async function findProblem(
  data: unknown,
  { id, path, name }: { id: string; path: string; name: string | undefined },
): Promise<Broken | undefined> {
  const checked = imageManifestSchema.safeParse(data);
  if (!checked.success) return { problem: describeIssue(checked.error), cause: checked.error };
  const manifest = checked.data;
  if (manifest.id !== id)
    return { problem: `its ${manifestFile} is that of the image with id ${manifest.id}` };
  if (manifest.name !== name && manifest.renamedFrom !== name)
    return { problem: `its ${manifestFile} is that of the image "${manifest.name}"` };
  return await findDiskProblem(path, manifest);
}

async function findDiskProblem(path: string, manifest: ImageManifest): Promise<Broken | undefined> {
  const file = manifest.rootfs.path ?? rootfsFile;
  try {
    const status = await stat(rootfsPath(path, manifest));
    if (!status.isFile()) return { problem: `its ${file} is not a file` };
    if (status.size === manifest.rootfs.size) return undefined;
    return { problem: `its ${file} has ${status.size} bytes, expected ${manifest.rootfs.size}` };
  } catch (cause) {
    const isMissing = errnoOf(cause) === "ENOENT";
    const problem = isMissing ? `it has no ${file}` : `its ${file} cannot be read (${errnoOf(cause)})`;
    return { problem, cause };
  }
}

function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  return `its ${manifestFile} is not valid: ${where}${issue?.message ?? "no reason given"}`;
}

function readablePart(data: unknown): Partial<ImageManifest> {
  const part: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(imageManifestSchema.shape)) {
    const value = schema.safeParse((data as Record<string, unknown> | null | undefined)?.[key]);
    if (value.success && value.data !== undefined) part[key] = value.data;
  }
  return part;
}

function textOf(data: unknown, key: string): string | undefined {
  const value = (data as Record<string, unknown> | null | undefined)?.[key];
  return typeof value === "string" ? value : undefined;
}

async function bytesUsed(path: string): Promise<number> {
  let used = 0;
  for (const file of [manifestFile, nameFile, rootfsFile]) {
    try {
      used += (await stat(join(path, file))).blocks * 512;
    } catch {
      // What is not there, or may not be looked at, is reported elsewhere.
    }
  }
  return used;
}
