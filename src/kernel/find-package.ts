import { type DebianArchive, newestOf } from "../debian/archive.ts";
import { type DebianPackage, parseDepends } from "../debian/package.ts";
import type { Context } from "../lib/context.ts";
import { fault } from "../lib/errors/error.ts";
import type { KernelCatalogEntry } from "../model/kernel.ts";

/**
 * The package that holds a catalog kernel: what the newest version of the metapackage depends on, in exactly the version
 * that it asks for.
 *
 * @throws archive_package_missing, and what DebianArchive.select throws
 */
export async function findKernelPackage(
  archive: Pick<DebianArchive, "select">,
  source: KernelCatalogEntry["source"],
  context: Context,
): Promise<DebianPackage> {
  // One pass over the index for both: it takes a second to decompress.
  const wanted = (name: string): boolean => name === source.package || isImage(name);
  const packages = await archive.select(source.suite, wanted, context);
  const meta = newestOf(packages.filter(({ name }) => name === source.package));
  if (!meta) throw fault("archive_package_missing", { package: source.package, suite: source.suite });
  const image = parseDepends(meta.depends)
    .flat()
    .find(({ name }) => isImage(name));
  const found = packages.filter(
    ({ name, version }) => name === image?.name && (!image.exactly || version === image.exactly),
  );
  const newest = newestOf(found);
  if (newest) return newest;
  const named = image
    ? `${image.name}${image.exactly ? ` ${image.exactly}` : ""}`
    : `linux-image of ${meta.name}`;
  throw fault("archive_package_missing", { package: named, suite: source.suite });
}

function isImage(name: string): boolean {
  return /^linux-image-\d/.test(name);
}
