import type { TarMember } from "../../archive/tar/entry.ts";
import type { Recipe } from "./recipe.ts";

/** A file or a link that the image has besides what its packages bring. */
export type Addition = { path: string; mode: number; content: string } | { path: string; target: string };

const systemUnits = "/etc/systemd/system";
/** A link to it is what `systemctl mask` makes. */
const nowhere = "/dev/null";

/** What a recipe adds, by path; the later of two for one path counts. */
export function additionsOf(recipe: Recipe): Map<string, Addition> {
  const all: Addition[] = [
    ...recipe.mask.map((unit) => ({ path: `${systemUnits}/${unit}`, target: nowhere })),
    ...recipe.mask_generators.map((name) => ({ path: `${systemUnits}-generators/${name}`, target: nowhere })),
    ...dpkgConfiguration(recipe),
    ...recipe.file.map(({ path, mode, content }) => ({ path, mode: Number.parseInt(mode, 8), content })),
    ...recipe.link,
  ];
  return new Map(all.map((addition) => [addition.path, addition]));
}

/** An addition as a member of an archive; `time` in seconds since the epoch. */
export function memberOf(addition: Addition, time: number): TarMember {
  const common = {
    path: Buffer.from(addition.path.slice(1)),
    uid: 0,
    gid: 0,
    mtime: { seconds: time, nanoseconds: 0 },
    xattrs: new Map<string, Buffer>(),
  };
  if ("target" in addition) {
    const link = Buffer.from(addition.target);
    return { ...common, type: "symlink", mode: 0o777, size: 0, link, ...contentOf(Buffer.alloc(0)) };
  }
  const data = Buffer.from(addition.content);
  return { ...common, type: "file", mode: addition.mode, size: data.length, ...contentOf(data) };
}

/** Lines for dpkg.cfg(5). */
export function dpkgExcludes(recipe: Recipe): string[] {
  return [
    ...recipe.exclude.map((pattern) => `path-exclude=${pattern}`),
    ...recipe.include.map((pattern) => `path-include=${pattern}`),
  ];
}

/** What the image leaves out stays out when its own dpkg installs something. */
function dpkgConfiguration(recipe: Recipe): Addition[] {
  if (recipe.exclude.length === 0) return [];
  const lines = [
    "# Left out to keep the image small. Remove this file, and reinstall the packages whose files you want.",
    ...dpkgExcludes(recipe),
  ];
  return [{ path: "/etc/dpkg/dpkg.cfg.d/banger", mode: 0o644, content: `${lines.join("\n")}\n` }];
}

function contentOf(data: Buffer): Pick<TarMember, "content" | "extents"> {
  const pieces = data.length > 0 ? [data] : [];
  return {
    content: (async function* () {
      yield* pieces;
    })(),
    extents: (async function* () {
      for (const piece of pieces) yield { offset: 0, data: piece };
    })(),
  };
}
