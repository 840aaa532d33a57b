import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";
import type { z } from "zod";
import { fault, messageOf } from "../../lib/errors/error.ts";
import { packageRoot } from "../../lib/paths.ts";
import { extend, extensionSchema, type Recipe, recipeSchema } from "./recipe.ts";

/** How deep one recipe may extend another. */
const depthLimit = 8;

/**
 * The recipe of a name with everything that it extends.
 *
 * @param directory holds a directory for each recipe; default: the one of this package
 * @throws image_recipe_invalid
 */
export async function loadRecipe(
  name: string,
  directory: string = join(packageRoot(), "images"),
  depth = 0,
): Promise<Recipe> {
  const path = join(directory, name, "recipe.toml");
  if (depth > depthLimit) throw invalid(path, "extends itself");
  const data = await readToml(path);
  if (!("extends" in data)) return checked(path, recipeSchema, data);
  const extension = checked(path, extensionSchema, data);
  return extend(await loadRecipe(extension.extends, directory, depth + 1), extension);
}

async function readToml(path: string): Promise<object> {
  try {
    return parse(await readFile(path, "utf8"));
  } catch (error) {
    throw invalid(path, messageOf(error).split("\n", 1)[0] ?? "", error);
  }
}

function checked<T>(path: string, schema: z.ZodType<T>, data: unknown): T {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(path, issue ? `${issue.path.join(".")}: ${issue.message}` : "no reason given", result.error);
}

function invalid(path: string, problem: string, cause?: unknown): Error {
  return fault("image_recipe_invalid", { path, problem }, cause);
}
