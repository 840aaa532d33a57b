import { z } from "zod";

const absolute = z.string().regex(/^\/[^\0]*$/, "is not an absolute path");
const unit = z.string().regex(/^[A-Za-z0-9:_.@\\-]+$/, "is not the name of a unit");
/** Debian Policy 5.6.7. */
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "is not the name of a package");
const mode = z.string().regex(/^[0-7]{3,4}$/, "is not an octal mode");

/** A file that is put into the image, owned by root. */
const fileSchema = z.strictObject({ path: absolute, mode: mode.default("0644"), content: z.string() });
/** A symbolic link that is put into the image. */
const linkSchema = z.strictObject({ path: absolute, target: z.string().min(1) });

const lists = {
  packages: z.array(packageName).default([]),
  /** Paths that packages do not get to install, as dpkg's path-exclude and path-include: `*` also stands for slashes. */
  exclude: z.array(absolute).default([]),
  include: z.array(absolute).default([]),
  /** Paths that the build leaves and the image does not have. Here `*` stands for anything but a slash. */
  remove: z.array(absolute).default([]),
  /** Units that cannot be started, by themselves or by others. */
  mask: z.array(unit).default([]),
  mask_generators: z.array(unit).default([]),
  /** Units that packages enable and that do not start at boot here. */
  disable: z.array(unit).default([]),
  file: z.array(fileSchema).default([]),
  link: z.array(linkSchema).default([]),
};

const scalars = {
  suite: z.string().regex(/^[a-z]+$/),
  components: z.array(z.string()).min(1),
  /** Version of the suite's C library. */
  libc: z.string().regex(/^\d+\.\d+$/),
  /** Program that becomes PID 1. */
  init: absolute,
  /** Of the file system and of its journal: texts such as "1G". */
  size: z.string(),
  journal: z.string(),
};

/** `images/<name>/recipe.toml` of an image that is built on nothing. */
export const recipeSchema = z.strictObject({ ...scalars, ...lists });
export type Recipe = z.infer<typeof recipeSchema>;

/** One that takes over all of another recipe: its lists are added to, the rest is replaced where given. */
export const extensionSchema = z
  .strictObject({ extends: z.string().min(1), ...scalars, ...lists })
  .partial({ suite: true, components: true, libc: true, init: true, size: true, journal: true });
export type Extension = z.infer<typeof extensionSchema>;

/** The recipe that an extension makes of its base. */
export function extend(base: Recipe, { extends: _, ...extension }: Extension): Recipe {
  const merged: Record<string, unknown> = { ...base, ...definedOf(extension) };
  for (const key of Object.keys(lists) as (keyof typeof lists)[]) {
    merged[key] = [...base[key], ...extension[key]];
  }
  return recipeSchema.parse(merged);
}

function definedOf(values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
