import type { Entry } from "./entry.ts";

/** What stands in the name of an image that was deleted while machines used it, before its id. */
const mark = "@deleted-";

/** Kinds of sources that give the same image again. */
const repeatable = ["debian", "oci"];

/** The name that frees an image's own one. */
export function deletedName({ id, name }: Entry): string {
  return `${(name ?? "image").slice(0, 200)}${mark}${id}`;
}

export function isDeleted({ id, name }: Entry): boolean {
  return name?.endsWith(`${mark}${id}`) ?? false;
}

/** Whether a pull gives it again; what cannot be used or was deleted already is nobody's loss. */
export function canBeHadAgain(entry: Entry): boolean {
  if (isDeleted(entry) || entry.content.state === "broken") return true;
  return repeatable.includes(entry.content.manifest.source.kind);
}
