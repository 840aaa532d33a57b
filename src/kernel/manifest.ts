import { lstat, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { show } from "../lib/errors/define.ts";
import { errnoOf, isFault, messageOf } from "../lib/errors/error.ts";
import { type KernelManifest, kernelManifestSchema } from "../model/kernel.ts";
import { broken } from "./broken.ts";

/**
 * Reads the manifest of a kernel's directory; undefined when there is no such directory, which alone means that the kernel
 * is not local.
 *
 * @throws kernel_broken
 */
export async function readManifest(name: string, directory: string): Promise<KernelManifest | undefined> {
  if (!(await isDirectory(name, directory))) return undefined;
  const path = join(directory, "manifest.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const problem =
      errnoOf(error) === "ENOENT" ? "it has no manifest.json" : "its manifest.json cannot be read";
    throw broken(name, directory, problem, error);
  }
  const manifest = parseManifest(name, directory, text);
  if (manifest.name !== name) {
    throw broken(name, directory, `its manifest.json is that of ${show(manifest.name)}`);
  }
  return manifest;
}

async function isDirectory(name: string, path: string): Promise<boolean> {
  try {
    const status = await lstat(path);
    if (status.isDirectory() || (status.isSymbolicLink() && (await stat(path)).isDirectory())) return true;
    throw broken(name, path, "it is not a directory");
  } catch (error) {
    if (isFault(error)) throw error;
    if (errnoOf(error) === "ENOENT" && !(await isLink(path))) return false;
    throw broken(name, path, "its directory cannot be read", error);
  }
}

/** A link that leads nowhere is an entry that is broken, not one that is missing. */
async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (status) => status.isSymbolicLink(),
    () => false,
  );
}

function parseManifest(name: string, directory: string, text: string): KernelManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw broken(name, directory, `its manifest.json is not JSON: ${messageOf(error)}`, error);
  }
  const parsed = kernelManifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  throw broken(
    name,
    directory,
    `its manifest.json is not valid: ${where}${issue?.message ?? ""}`,
    parsed.error,
  );
}
