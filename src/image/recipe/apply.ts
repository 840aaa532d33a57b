import { splitPath } from "../../archive/path.ts";
import type { TarMember } from "../../archive/tar/entry.ts";
import { type Addition, additionsOf, memberOf } from "./additions.ts";
import { matcher } from "./pattern.ts";
import type { Recipe } from "./recipe.ts";

export interface ApplyOptions {
  /** Times of what is added: seconds since the epoch. */
  time: number;
  /** Besides those of the recipe. */
  additions?: readonly Addition[];
}

/**
 * Makes a recipe's image of the tree that its packages gave: leaves out what the recipe removes, excludes and disables,
 * and appends what it adds. Everything else goes through as it is. Done on the stream, so that no program has to
 * run in the tree, and nothing depends on how it was built.
 *
 * @throws archive_path_unsafe, and what the source throws
 */
export async function* applyRecipe(
  members: AsyncIterable<TarMember>,
  recipe: Recipe,
  options: ApplyOptions,
): AsyncGenerator<TarMember, void, void> {
  const additions = additionsOf(recipe);
  for (const addition of options.additions ?? []) additions.set(addition.path, addition);
  const isRemoved = removalOf(recipe);
  for await (const member of members) {
    const path = absolutePath(member.path);
    if (additions.has(path) || isRemoved(path, member)) continue;
    yield member;
  }
  for (const addition of additions.values()) yield memberOf(addition, options.time);
}

function removalOf(recipe: Recipe): (path: string, member: TarMember) => boolean {
  const isDisabled = matcher(
    recipe.disable.flatMap((unit) => [
      `/etc/systemd/system/*.wants/${unit}`,
      `/etc/systemd/system/*.requires/${unit}`,
    ]),
    "component",
  );
  const isRemoved = matcher(recipe.remove, "component");
  const isExcluded = matcher(recipe.exclude, "anything");
  const isIncluded = matcher(recipe.include, "anything");
  return (path, member) => {
    if (isRemoved(path) || isDisabled(path)) return true;
    // An empty directory costs nothing, and programs expect that some of them are there (update-alternatives, man).
    return member.type !== "directory" && isExcluded(path) && !isIncluded(path);
  };
}

/** In latin1, one character for each byte: patterns are ASCII, and any byte may be in a name. */
function absolutePath(path: Buffer): string {
  const components = splitPath(path, { absolute: "strip" });
  return `/${components.map((component) => component.toString("latin1")).join("/")}`;
}
