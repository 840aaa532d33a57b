import { writeFile } from "node:fs/promises";
import type { BuiltRootfs, RootfsSource } from "../../src/image/source.ts";
import type { Context, Progress } from "../../src/lib/context.ts";
import type { ImageCatalogEntry } from "../../src/model/image.ts";

export const disk = "the root file system";

/** A source that writes a few bytes, and can be made to wait or to fail. */
export class FakeSource implements RootfsSource<"debian"> {
  readonly built: string[] = [];
  cleaned = 0;
  /** Called when the file has been written. */
  during: (name: string, context: Context) => Promise<void> = async () => undefined;

  async removeLeftovers(): Promise<void> {
    this.cleaned += 1;
  }

  async build(
    name: string,
    source: { recipe: string },
    path: string,
    context: Context,
  ): Promise<BuiltRootfs> {
    this.built.push(source.recipe);
    await writeFile(path, disk, { flag: "wx" });
    await this.during(name, context);
    return { init: "/sbin/init", detail: `${source.recipe} of today` };
  }
}

export function catalogEntry(name: string, recipes: string[] = [name]): ImageCatalogEntry {
  return {
    name,
    description: `the image ${name}`,
    arch: "amd64",
    distro: "debian",
    kernel: "generic-6.1",
    sources: recipes.map((recipe) => ({ kind: "debian", recipe })) as ImageCatalogEntry["sources"],
  };
}

/** A context whose progress can be looked at. */
export function listening(
  signal: AbortSignal = new AbortController().signal,
): Context & { heard: Progress[] } {
  const heard: Progress[] = [];
  return { signal, heard, report: (progress) => heard.push(progress) };
}
